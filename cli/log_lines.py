"""Python's logging and warnings, of this program and of libraries, as lines on standard error."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cargan_tf.errors import one_line

#: Where Python says that a warning comes from: ``/a/b.py:12: UserWarning: …``
_ORIGIN = re.compile(r"\S.*?:\d+: ")


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
        """``Warning: …``; of Python's warnings without the line of source that they quote."""
        text = record.getMessage()
        if record.name == "py.warnings":
            text = _ORIGIN.sub("", text, count=1).partition("\n")[0]
        click.echo(f"{record.levelname.capitalize()}: {one_line(text)}", err=True)
