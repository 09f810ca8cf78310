"""What to type next, ready to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import click


def command_line(*words: object) -> str:
    """``cargan`` and ``words``, quoted as a shell wants them."""
    return shlex.join(["cargan", *(str(word) for word in words)])


def same_config(name: str | None, overrides: tuple[str, ...]) -> list[str]:
    """The options that give a further command the configuration of this one."""
    words = [] if name is None else ["--config", name]
    for text in overrides:
        words += ["--set", text]
    return words


@contextmanager
def resumable(*further: str) -> Iterator[None]:
    """Ctrl-C meanwhile says how to go on: by the same command, with the ``further`` options."""
    try:
        yield
    except KeyboardInterrupt as error:
        typed = click.get_current_context().find_root().obj or []
        words = [*typed, *(option for option in further if option not in typed)]
        raise click.Abort(f"Go on with: {command_line(*words)}") from error
