"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]

#: A path on the disk; whether it exists is for the library to say, with what to do about it.
PATH = click.Path(path_type=Path)


def config_options(default: str) -> Callable[[Command], Command]:
    """``--config`` and ``--set``; ``default`` says in words what holds without them."""

    def add(command: Command) -> Command:
        command = click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change one setting, such as training.batch_size=8. Repeatable.",
        )(command)
        return click.option(
            "--config",
            "config_name",
            metavar="NAME|PATH",
            help=f"A shipped configuration or a YAML file.  [default: {default}]",
        )(command)

    return add
