"""Progress on the terminal, or one JSON object per event with ``--log-json``."""

from __future__ import annotations

import datetime
import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cargan_tf.errors import one_line
from cargan_tf.utils.progress import Reporter, Task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Item = TypeVar("Item")

#: Where Python says that a warning comes from: ``/a/b.py:12: UserWarning: …``
_ORIGIN = re.compile(r"\S.*?:\d+: ")
#: And what stood there, indented by two.
_QUOTED = re.compile(r"\n  [^\n]*\Z")

#: Columns where standard output is no terminal, so that a file gets whole lines.
_FILE_WIDTH: Final = 220

#: These log each retry; the command reports the outcome.
_NOT_FOR_USERS = ("urllib3.connectionpool",)


#: Seconds between progress events of a task.
INTERVAL = 10.0
#: A server's threads write too, and a line must stay one.
_ONE_AT_A_TIME = threading.Lock()
#: Loggers that write to standard error by handlers of their own.
_WITH_HANDLERS = ("tensorflow", "absl")
#: Seconds between progress lines where bars cannot be shown (a log file, CI).
LINE_INTERVAL = 20.0
#: After which a command that is silent says what it waits for.
SLOW_SECONDS: Final = 1.0


@contextmanager
def logged(as_events: bool) -> Iterator[None]:
    """Within the block each warning is a line that begins with its level; or an event of
    ``--log-json``."""
    before = logging.root.handlers[:]
    log_from_now_on(as_events)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        logging.root.handlers[:] = before


def log_from_now_on(as_events: bool) -> None:
    """The same without an end, for a process of its own."""
    if as_events:
        log_as_events()
        return
    logging.captureWarnings(True)
    # TensorFlow adds a handler of its own unless it finds one here.
    logging.root.handlers[:] = [_LineHandler(logging.WARNING)]


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """``Warning: …``, and the traceback of a logged exception."""
        if record.name in _NOT_FOR_USERS:
            return
        try:
            text = record.getMessage()
            if record.name == "py.warnings":
                text = _said(text)
            click.echo(f"{record.levelname.capitalize()}: {one_line(text)}", err=True)
            if record.exc_info and record.exc_info[1]:
                click.echo("".join(traceback.format_exception(record.exc_info[1])), err=True)
        except Exception:
            self.handleError(record)


def _said(warning: str) -> str:
    """One of Python's warnings without the line of source that it ends with."""
    text = _ORIGIN.sub("", warning, count=1).rstrip()
    return _QUOTED.sub("", text).strip()


def write_event(event: str, level: str = "info", **values: Any) -> None:
    """One line: ``time`` (UTC), ``level`` as Python's logging has them, ``event``, and the rest."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "level": level, "event": event, **values}, default=str)
    with _ONE_AT_A_TIME:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def new_reporter(
    log_json: bool, seed: int | None, devices: Sequence[str] | None = None
) -> Reporter:
    """The terminal's; or JSON's, which begins with versions, devices and the seed.

    ``devices``: those at work; all of TensorFlow's by default, so call it once they are chosen.
    """
    if not log_json:
        return TerminalReporter()
    from cargan_tf.utils.provenance import provenance

    log_as_events()
    write_event("start", **provenance(seed, devices))
    return JsonReporter()


@contextmanager
def message_when_slow(text: str) -> Iterator[None]:
    """Print ``text`` on a terminal if the block takes longer than a second."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(SLOW_SECONDS, click.echo, [text], {"err": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def message_until_first(items: Iterable[Item], text: str) -> Iterator[Item]:
    """``items``; prints ``text`` if the first of them takes longer than a second."""
    remaining = iter(items)
    with message_when_slow(text):
        first = list(islice(remaining, 1))
    yield from first
    yield from remaining


class JsonReporter:
    """Events ``begin``, ``progress`` and ``end`` of each task, and ``message``."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A task of ``total`` units; without an ``end`` where an error ends it."""
        write_event("begin", task=description, total=total)
        events = _Events(description, total)
        yield events
        events.write("end")

    def message(self, text: str) -> None:
        """One event."""
        write_event("message", message=text)


class _Events:
    def __init__(self, description: str, total: int) -> None:
        self._description, self._total = description, total
        self._done, self._note = 0, ""
        self._began = self._spoke = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        self._note = note or self._note
        if time.monotonic() - self._spoke > INTERVAL:
            self.write("progress")

    def write(self, event: str) -> None:
        self._spoke = time.monotonic()
        write_event(
            event,
            task=self._description,
            done=self._done,
            total=self._total,
            seconds=round(self._spoke - self._began, 3),
            **({"note": self._note} if self._note else {}),
        )


class _EventHandler(logging.Handler):
    """Python's logging as events."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            more = {}
            if record.exc_info and record.exc_info[1]:
                more["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
            level, message = record.levelname.lower(), record.getMessage()
            write_event("log", level, logger=record.name, message=message, **more)
        except Exception:
            self.handleError(record)


def log_as_events() -> None:
    """From now on warnings of all libraries are events too."""
    logging.captureWarnings(True)
    logging.root.handlers[:] = [_EventHandler(logging.WARNING)]
    for name in _WITH_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def table_console() -> Console:
    """Prints tables to standard output; whole lines where that is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_FILE_WIDTH)


class TerminalReporter:
    """Shows each task as a bar with counts, times and a note; as lines if not on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        """Report on ``console``; standard error by default, so that pipes get results alone."""
        from rich.console import Console  # most commands show no progress

        self._console = console or Console(stderr=True, highlight=False)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar for ``total`` units, left on the screen when it is done."""
        if not self._console.is_terminal:
            with self._lines(description, total) as lines:
                yield lines
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column

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
