"""Generates the configuration reference, ``docs/reference/configuration.md``, from the schema.

``python -m cargan_tf.config.markdown_reference`` writes it to standard output.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from cargan_tf.config.loading import load_config, shipped_configs
from cargan_tf.config.schema import Config

#: Bounds in JSON Schema, and in words.
_BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "from",
    "exclusiveMaximum": "below",
    "maximum": "to",
}


@dataclass(frozen=True)
class FieldText:
    """One row of the reference, in Markdown."""

    name: str
    default: str
    bounds: str
    description: str
    elsewhere: str  # its values in the other shipped configurations


@dataclass(frozen=True)
class SectionText:
    """One section of the reference: ``summary`` in one line, ``text`` in full."""

    name: str
    summary: str
    text: str
    fields: list[FieldText]


@dataclass(frozen=True)
class ConfigText:
    """A shipped configuration and the comment at the head of its file."""

    name: str
    summary: str


def configuration_reference() -> str:
    """The whole reference as Markdown."""
    environment = Environment(  # noqa: S701 - Markdown from our own texts, not HTML
        loader=PackageLoader("cargan_tf.config"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("configuration.md.jinja")
    configs = [ConfigText(name, _summary(name)) for name in shipped_configs()]
    return template.render(sections=list(_sections()), configs=configs)


def _sections() -> Iterator[SectionText]:
    defaults = Config().model_dump(mode="json")
    shipped = {name: load_config(name).model_dump(mode="json") for name in shipped_configs()}
    for section, field in Config.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        text = _markdown(inspect.getdoc(model) or "")
        fields = [
            FieldText(
                name,
                json.dumps(defaults[section][name], ensure_ascii=False),
                _may_be(schema),
                _cell(_markdown(schema["description"])),
                _elsewhere(section, name, defaults, shipped),
            )
            for name, schema in model.model_json_schema()["properties"].items()
        ]
        yield SectionText(section, text.partition("\n\n")[0], text, fields)


def _elsewhere(
    section: str, name: str, defaults: Mapping[str, Any], shipped: Mapping[str, Any]
) -> str:
    """The shipped configurations that set a field to another value than its default."""
    values: dict[str, list[str]] = {}
    for config, sections in shipped.items():
        value = sections[section][name]
        if value != defaults[section][name]:
            values.setdefault(json.dumps(value, ensure_ascii=False), []).append(config)
    return "; ".join(f"`{value}` in {', '.join(names)}" for value, names in values.items())


def _may_be(schema: Mapping[str, Any]) -> str:
    """Type and bounds of a field in words, from its JSON schema."""
    if "anyOf" in schema:
        return " or ".join(_may_be(choice) for choice in schema["anyOf"])
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in choices)
    if "items" in schema:
        return f"any of: {_may_be(schema['items'])}"
    if schema["type"] == "array":
        return f"{len(schema['prefixItems'])} of: {_may_be(schema['prefixItems'][0])}"
    kind = {"boolean": "`true`, `false`", "string": "text", "null": "`null`"}.get(
        schema["type"], schema["type"]
    )
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return " ".join([kind, *bounds])


def _summary(name: str) -> str:
    """The comment at the head of a shipped file, as one line."""
    text = resources.files("cargan_tf.configs").joinpath(f"{name}.yaml").read_text("utf-8")
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def _markdown(docstring: str) -> str:
    return docstring.replace("``", "`")


def _cell(text: str) -> str:
    """``text`` for a table cell: vertical bars are escaped."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(configuration_reference())
