"""`cargan models`: list the installed models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cargan_tf.errors import UserError, counted
from cargan_tf.utils.arrays import height_width

if TYPE_CHECKING:
    from cargan_tf.export.model_registry import ExportedModel


@click.command("models", short_help="List the available models.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def command(as_json: bool) -> None:
    """List the models in ./saved_models and those that came with the package.

    The first is the default of --model: the one with the largest images; of equals your own, and
    the one exported last. Metrics are of the refined images,
    where `cargan evaluate` had measured the run before it was exported.
    """
    from cargan_tf.export.model_registry import FOLDER, exported_models

    found = exported_models()
    if not found and not as_json:
        click.echo(f"No models in {FOLDER.resolve()}. Make one with: cargan quickstart")
    for model in found:
        description = _description(model)
        click.echo(json.dumps(description) if as_json else _for_people(description))


def _description(model: ExportedModel) -> dict[str, Any]:
    from cargan_tf.export.metadata import read_metadata
    from cargan_tf.inference.backend import backend_for

    found = {
        "name": model.name,
        "version": int(model.version.name),
        "shipped": model.shipped,
        "path": str(model.version),
    }
    try:
        metadata = read_metadata(model.version)
    except UserError as error:
        return {**found, "error": str(error)}
    return {
        **found,
        "size": metadata.config.data.image_size,
        "labels": list(metadata.labels),
        "step": metadata.step,
        "weights": metadata.weights,
        "license": metadata.license,
        "backend": backend_for(model.version),
        "recognition_accuracy": metadata.recognition_accuracy,
        "metrics": metadata.metrics,
    }


def _for_people(model: dict[str, Any]) -> str:
    origin = "shipped, " if model["shipped"] else ""
    lines = [f"{model['name']} ({origin}version {model['version']}): {model['path']}"]
    if "error" in model:
        return f"{lines[0]}\n  {model['error']}"
    size, labels = model["size"], model["labels"]
    height, width = height_width(size)
    lines.append(
        f"{height}×{width} pixels, step {model['step']:,}, {model['weights']} weights, run by"
        f" {model['backend']}"
    )
    lines.append(f"{counted(len(labels), 'label')}: {', '.join(labels)}")
    if model["recognition_accuracy"] is not None:
        lines.append(f"recognizes the instrument of {model['recognition_accuracy']:.1%} of sounds")
    for split, figures in (model["metrics"] or {}).items():
        named = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        lines.append(f"{split}: {named}")
    return "\n  ".join(lines)
