"""Progress on the terminal: bars where there is one, plain lines where there is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from cargan_tf.progress import Task

#: Seconds between lines of a task where bars cannot be drawn (a log file, CI).
LINE_INTERVAL = 20.0


class TerminalReporter:
    """Draws each task's bar with its counts, its times and a note; lines when not a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        """Report on ``console``; standard error by default, so that pipes get results alone."""
        self._console = console or Console(stderr=True, highlight=False)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar for ``total`` units, left on the screen when it is done."""
        if not self._console.is_terminal:
            with self._lines(description, total) as lines:
                yield lines
            return
        # On a narrow terminal the bar gives way, not the numbers.
        columns = (
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            TextColumn("left"),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(description, total=total, note=""))

    def message(self, text: str) -> None:
        """One line."""
        self._console.print(text, soft_wrap=True, markup=False)

    @contextmanager
    def _lines(self, description: str, total: int) -> Iterator[Task]:
        lines = _Lines(self._console, description, total)
        yield lines
        lines.close()


class _Bar:
    def __init__(self, progress: Progress, task: object) -> None:
        self._progress, self._task = progress, task

    def advance(self, count: int = 1, note: str = "") -> None:
        fields = {"note": note} if note else {}
        self._progress.update(self._task, advance=count, **fields)  # type: ignore[arg-type]


class _Lines:
    def __init__(self, console: Console, description: str, total: int) -> None:
        self._console, self._description, self._total = console, description, total
        self._done, self._note = 0, ""
        self._began = self._spoke = time.monotonic()
        self._first: tuple[float, int] | None = None  # when how much was done at first

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        self._first = self._first or (time.monotonic(), self._done)
        self._note = note or self._note
        if time.monotonic() - self._spoke > LINE_INTERVAL and self._done < self._total:
            self._speak()

    def close(self) -> None:
        self._speak()

    def _speak(self) -> None:
        self._spoke = time.monotonic()
        elapsed = self._spoke - self._began
        parts = [f"{self._description}: {self._done}/{self._total}", f"{elapsed:.1f} s"]
        # The first units may be an earlier call's work, or have waited for a graph to be traced.
        since, done_then = self._first or (self._began, 0)
        if done_then < self._done < self._total:
            each = (self._spoke - since) / (self._done - done_then)
            parts.append(f"{each * (self._total - self._done):.0f} s left")
        line = ", ".join([*parts, self._note] if self._note else parts)
        self._console.print(line, markup=False)
