"""What to type next, ready to be copied."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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


class Terminated(click.Abort):
    """SIGTERM came, from ``kill``, a scheduler or a container's end."""


class _TerminationAsked(KeyboardInterrupt):
    """Unwinds as Ctrl-C does."""


@contextmanager
def resumable(*further: str) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, print how to resume: the same command with ``further`` options.

    Raises:
        click.Abort: for Ctrl-C; ``Terminated`` for SIGTERM.
    """
    try:
        with _sigterm_unwinds():
            yield
    except KeyboardInterrupt as error:
        kind = Terminated if isinstance(error, _TerminationAsked) else click.Abort
        raise kind(f"Resume with: {same_command(*further)}") from error


def say_time_is_up(step: int, total_steps: int) -> None:
    """Of a training that ended with ``--max-hours``: what is saved, and how to resume."""
    click.echo(f"Time is up: step {step} of {total_steps} is saved.")
    click.echo(f"Resume with: {same_command('--resume')}")


def same_command(*further: str) -> str:
    """What was typed, with the ``further`` options that are not in it."""
    typed = click.get_current_context().find_root().obj or []
    return command_line(*typed, *(option for option in further if option not in typed))


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    def unwind(number: int, frame: FrameType | None) -> None:
        raise _TerminationAsked

    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread listen to signals
        return
    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
