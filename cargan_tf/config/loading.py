"""Configurations in and out: YAML files, ``--set`` overrides, JSON beside every result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cargan_tf.config.schema import Config
from cargan_tf.errors import UserError, did_you_mean

_SHIPPED = "cargan_tf.configs"


def shipped_configs() -> list[str]:
    """Names of the configurations that come with the package, such as ``paper``."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources.files(_SHIPPED).iterdir()
        if entry.name.endswith(".yaml")
    )


def load_config(source: str | Path = "paper", overrides: Iterable[str] = ()) -> Config:
    """The configuration of a YAML file or of a shipped name, with overrides applied.

    Args:
        source: a shipped name (``paper``), or the path of a YAML file.
        overrides: ``section.key=value`` texts; the value is read as YAML.

    Raises:
        UserError: no such file, bad YAML, an unknown key or a value out of its bounds.
    """
    text, origin = _read(source)
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{origin} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{origin} must hold sections such as 'training:', not {values!r}.")
    values.setdefault("name", Path(source).stem)
    return _checked(_with_overrides(values, overrides), origin)


def override(config: Config, overrides: Iterable[str]) -> Config:
    """``config`` with ``section.key=value`` texts applied; raises ``UserError`` like above."""
    return _checked(_with_overrides(config.model_dump(mode="json"), overrides), "--set")


def config_from_json(values: Mapping[str, Any], origin: str) -> Config:
    """The configuration that was written into a run or a data set; ``origin`` names it."""
    return _checked(dict(values), origin)


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name in shipped_configs():
        return resources.files(_SHIPPED).joinpath(f"{name}.yaml").read_text("utf-8"), f"{name}.yaml"
    try:
        return Path(name).read_text("utf-8"), name
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"no configuration {name!r}: it is neither a readable file nor one of"
            f" {', '.join(shipped_configs())}.{did_you_mean(name, shipped_configs())}"
        ) from error


def _with_overrides(values: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    for text in overrides:
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
            target[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {text!r}: {value!r} is not a valid value.") from error
    return values


def _checked(values: dict[str, Any], origin: str) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise UserError(
                f"{origin}: unknown key {path!r}.{did_you_mean(path, _all_keys(Config), count=1)}"
            ) from error
        reason = first["msg"].removeprefix("Value error, ")
        raise UserError(
            f"{origin}: {path or 'config'} = {first['input']!r} does not fit: {reason}."
            if not isinstance(first["input"], dict)
            else f"{origin}: {path or 'config'} does not fit: {reason}."
        ) from error


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _all_keys(field.annotation, f"{prefix}{name}.")
    return keys
