"""`cargan completion`: the shell script that completes commands, options and labels."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

#: Looked for by the program when a shell asks it; click's form of its name.
COMPLETION_VARIABLE = "_CARGAN_COMPLETE"


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
    from cargan_tf.export.model_registry import exported_models

    names = [model.name for model in exported_models() if model.name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


@click.command("completion", short_help="Print the script for your shell's completion.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script for SHELL that completes commands, options, labels and models.

    \b
    bash:  cargan completion bash >> ~/.bashrc
    zsh:   cargan completion zsh >> ~/.zshrc   (below compinit)
    fish:  cargan completion fish > ~/.config/fish/completions/cargan.fish
    """
    from cargan_cli.main import cli

    completion = get_completion_class(shell)
    assert completion is not None  # click has these three
    click.echo(completion(cli, {}, "cargan", COMPLETION_VARIABLE).source())
