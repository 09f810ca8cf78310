"""Python's logging and warnings, of this program and of libraries, as lines on standard error."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cargan_tf.errors import one_line

#: Where Python says that a warning comes from: ``/a/b.py:12: UserWarning: …``
_ORIGIN = re.compile(r"\S.*?:\d+: ")
#: And what stood there, indented by two.
_QUOTED = re.compile(r"\n  [^\n]*\Z")

#: They tell of each try, where the command tells how it went in the end.
_NOT_FOR_USERS = ("urllib3.connectionpool",)


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
        from cargan_cli.json_log import log_as_events

        log_as_events()
        return
    logging.captureWarnings(True)
    # TensorFlow adds a handler of its own unless it finds one here.
    logging.root.handlers[:] = [_LineHandler(logging.WARNING)]


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """``Warning: …``, and the traceback of a fault that was logged."""
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
