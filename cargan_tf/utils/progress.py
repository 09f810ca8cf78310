"""How long work tells its caller how far it has come, without printing anything itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """``count`` more units are done; ``note`` replaces the text beside the bar."""


class Reporter(Protocol):
    """Where progress goes: a terminal, a log, or nowhere."""

    def task(self, description: str, total: int) -> AbstractContextManager[Task]:
        """A context manager that opens a task of ``total`` units."""

    def message(self, text: str) -> None:
        """One line for the reader."""


class _SilentTask:
    def advance(self, count: int = 1, note: str = "") -> None:
        pass


class SilentReporter:
    """The default of every library call: says nothing."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A task that nobody watches."""
        yield _SilentTask()

    def message(self, text: str) -> None:
        """Drop ``text``."""
