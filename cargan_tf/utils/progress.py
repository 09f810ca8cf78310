"""Progress reporting: the library calls a reporter and never prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """A task with a known number of units."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Report ``count`` more units; ``note`` replaces the text beside the progress bar."""


class Reporter(Protocol):
    """Receives progress: a terminal, a log, or nothing."""

    def task(self, description: str, total: int) -> AbstractContextManager[Task]:
        """Open a task of ``total`` units."""

    def message(self, text: str) -> None:
        """Show one line."""


class _SilentTask:
    def advance(self, count: int = 1, note: str = "") -> None:
        pass


class SilentReporter:
    """The default: ignores everything."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A task that is ignored."""
        yield _SilentTask()

    def message(self, text: str) -> None:
        """Ignore ``text``."""
