"""`cargan completion`: the script that lets a shell complete commands, options and labels."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

#: Looked for by the program when a shell asks it; click's form of its name.
VARIABLE = "_CARGAN_COMPLETE"


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
    click.echo(completion(cli, {}, "cargan", VARIABLE).source())
