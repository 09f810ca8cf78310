"""Logs for machines (``--log-json``): one JSON object a line and event, on standard error."""

from __future__ import annotations

import datetime
import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cargan_tf.progress import Reporter, Task

#: Seconds between progress events of a task.
INTERVAL = 10.0

#: A server's threads write too, and a line must stay one.
_ONE_AT_A_TIME = threading.Lock()

#: Loggers that write to standard error by handlers of their own.
_WITH_HANDLERS = ("tensorflow", "absl")


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
        from cargan_cli.reporting import TerminalReporter

        return TerminalReporter()
    from cargan_tf.environment import environment

    log_as_events()
    write_event("start", **environment(seed, devices))
    return JsonReporter()


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
