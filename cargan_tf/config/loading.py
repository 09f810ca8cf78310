"""Loading configurations: YAML files, ``--set`` overrides, and the JSON stored with every
result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cargan_tf.config.schema import Config
from cargan_tf.errors import UserError, did_you_mean

#: Maximum size of a YAML file; the longest shipped file has 1 KB.
MAX_CHARACTERS = 100_000
#: Maximum nesting; settings are three levels deep, lists in them four.
_MAX_DEPTH = 20
#: TensorFlow's integers have 64 bits.
_MAX_NUMBER = 2**63 - 1


#: Settings of version 0.1 that were renamed in 0.2, as ``section.key``.
RENAMED = {
    "audio.clip_spreads": "audio.clip_std",
    "classifier.flavour": "classifier.resnet_variant",
    "data.test_share": "data.test_fraction",
    "data.validation_share": "data.validation_fraction",
    "judge": "evaluator",
    "loss.adversarial_form": "loss.gan_loss",
    "model.coarse_skips_left_out": "model.coarse_dropped_skips",
    "model.generator_widest": "model.max_width_multiplier",
    "monitor.listening_clips": "monitor.validation_clips",
    "monitor.listening_steps": "monitor.validation_steps",
    "monitor.picture_steps": "monitor.grid_steps",
    "training.average_steps": "training.ema_steps",
}
_SHIPPED = "cargan_tf.configs"
#: Maximum characters of an invalid value in a message.
_MAX_SHOWN = 300


class _SettingsLoader(yaml.SafeLoader):
    """A ``SafeLoader`` without aliases and with bounded nesting.

    With aliases (``*name``) nine lines can expand to a billion values; unbounded nesting ends in a
    RecursionError.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next value, within the bounds."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"alias *{event.anchor}: write the value out{event.start_mark}")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"nested too deep{event.start_mark}")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """An integer within the bounds."""
        number = super().construct_yaml_int(node)
        if abs(number) > _MAX_NUMBER:
            raise yaml.YAMLError(f"an integer of more than 64 bits{node.start_mark}")
        return number


# PyYAML looks constructors up in a table; overriding the method is not enough.
_SettingsLoader.add_constructor("tag:yaml.org,2002:int", _SettingsLoader.construct_yaml_int)


def load_yaml(text: str) -> Any:
    """Parse YAML from an untrusted source.

    Raises:
        ValueError: invalid YAML, or beyond the bounds; the message says what and where.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"more than {MAX_CHARACTERS:,} characters")
    try:
        return yaml.load(text, _SettingsLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (LookupError, AttributeError, ArithmeticError, TypeError) as error:
        # PyYAML's constructors raise these for a value that contradicts its tag: ``!!bool maybe``
        raise ValueError(f"a value is not of its type ({error})") from error


def shipped_configs() -> list[str]:
    """Names of the shipped configurations: ``paper``, ``ablations/a``, …"""
    return sorted(_names_in(resources.files(_SHIPPED)))


def load_config(source: str | Path = "paper", overrides: Iterable[str] = ()) -> Config:
    """Load a YAML file or a shipped configuration, and apply overrides.

    Args:
        source: a shipped name (``paper``), or the path of a YAML file.
        overrides: ``section.key=value`` texts; the value is parsed as YAML. The file must be valid
            without them.

    Raises:
        UserError: no such file, invalid YAML, an unknown key or a value out of bounds.
    """
    values, name = _values_of(source)
    return override(_checked(values, name), overrides)


def overlay(config: Config, source: str | Path) -> Config:
    """``config`` updated with the settings in the file or shipped configuration ``source``.

    ``overlay(load_config("quickstart"), "ablations/a")`` is ablation A at the quickstart's size,
    named ``quickstart-ablation-a``. Raises ``UserError`` like ``load_config``.
    """
    stated, name = _values_of(source)
    values = _laid_over(config.model_dump(mode="json"), stated)
    values["name"] = f"{config.name}-{stated['name']}"
    return _checked(values, f"{name} over {config.name}")


def override(config: Config, overrides: Iterable[str]) -> Config:
    """``config`` with ``section.key=value`` texts applied; raises ``UserError`` likewise."""
    values = config.model_dump(mode="json")
    texts = list(overrides)
    for text in texts:
        _apply(values, text)
    return _checked(values, "--set") if texts else config


def config_from_json(values: Mapping[str, Any], source: str) -> Config:
    """The configuration stored in a run, data set or model; ``source`` names it in errors."""
    if not isinstance(values, Mapping):
        raise UserError(f"{source}: the configuration is {_short(values)}; expected settings.")
    return _checked(dict(values), source)


def config_hash(config: Config) -> str:
    """SHA-256 of the settings, in hexadecimal, whatever their order."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _values_of(source: str | Path) -> tuple[dict[str, Any], str]:
    """The settings in a file, with its name, and the file's name for errors."""
    text, name = _read(source)
    try:
        values = load_yaml(text) or {}
    except ValueError as error:
        raise UserError(f"{name} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{name} must hold sections such as 'training:', not {_short(values)}.")
    # A section whose lines are all commented out is null.
    values = {key: value for key, value in values.items() if value is not None}
    values.setdefault("name", Path(source).stem)
    return values, name


def _laid_over(values: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    """``values`` updated with ``stated``, key by key within sections."""
    merged = dict(values)
    for key, value in stated.items():
        within = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if within else value
    return merged


def _names_in(folder: Traversable, prefix: str = "") -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _names_in(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield prefix + entry.name.removesuffix(".yaml")


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name in shipped_configs():
        return resources.files(_SHIPPED).joinpath(f"{name}.yaml").read_text("utf-8"), f"{name}.yaml"
    try:
        with Path(name).open(encoding="utf-8") as stream:
            return stream.read(MAX_CHARACTERS + 1), name  # one more, so that load_yaml refuses it
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"no configuration {name!r}: it is neither a readable file nor one of"
            f" {', '.join(shipped_configs())}.{did_you_mean(name, shipped_configs())}"
        ) from error


def _apply(values: dict[str, Any], text: str) -> None:
    """Apply ``section.key=value``; ``section={key: value}`` updates the section."""
    key, separator, value = text.partition("=")
    if not separator:
        raise UserError(f"--set {text!r}: expected KEY=VALUE, such as training.batch_size=8.")
    *sections, last = key.strip().split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise UserError(f"--set {text!r}: {section!r} is a value, not a section.")
    try:
        new = load_yaml(value)
    except ValueError as error:
        raise UserError(f"--set {text!r}: {value!r} is not a valid value.") from error
    if isinstance(new, dict) and isinstance(target.get(last), dict):
        target[last] |= new
    else:
        target[last] = new


def _checked(values: dict[str, Any], source: str) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {_fault(error)}") from error


def _fault(error: ValidationError) -> str:
    """The error as one sentence; unknown keys first, as other errors may follow from them."""
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    path = ".".join(str(part)[:_MAX_SHOWN] for part in first["loc"])
    if path in RENAMED:
        return f"{path!r} is called {RENAMED[path]!r} since version 0.2."
    if first["type"] == "extra_forbidden":
        return f"unknown key {path!r}.{_nearest_key(path)}"
    if first["type"] == "model_type":
        section = Config.model_fields[path].annotation
        example = next(iter(getattr(section, "model_fields", {})), "key")
        return f"{path} is a section, not a value: set its keys, such as {path}.{example}."
    if first["type"] == "missing":
        return f"{path} is missing; received {_short(first['input'])}."
    reason = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], dict):
        return f"{path or 'the configuration'} is invalid: {reason}."
    return f"{path} = {_short(first['input'])} is invalid: {reason}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _nearest_key(path: str) -> str:
    """A hint: the keys of the same name in other sections, else the closest spelling."""
    known = _all_keys(Config)
    last = path.rpartition(".")[2]
    namesakes = [key for key in known if key.rpartition(".")[2] == last]
    if namesakes:
        return f" Did you mean {' or '.join(repr(key) for key in namesakes)}?"
    return did_you_mean(path, known, count=1)


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _all_keys(field.annotation, f"{prefix}{name}.")
    return keys
