"""What a shell proposes for values that only this program knows; without TensorFlow."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_labels(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The instruments of Sub-URMP; a model's own labels would need the model."""
    from cargan_tf.labels import SUB_URMP_LABELS

    return [CompletionItem(label) for label in SUB_URMP_LABELS if label.startswith(incomplete)]


def complete_models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of models, and paths, which the shell itself completes."""
    from cargan_tf.serving.catalogue import exported_models

    names = [model.name for model in exported_models() if model.name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]
