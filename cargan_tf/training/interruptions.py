"""Leaving a run between two steps: when somebody asks, or when its time is up.

A step that was begun is ended and saved first, so that the run can be gone on with bit for bit.
"""
# MERGED Faults of disk, data and run while training, each as one line that says what to do.

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import tensorflow as tf

from cargan_tf.data.dataset import load_dataset
from cargan_tf.errors import UserError, first_line
from cargan_tf.training.run import Run
from cargan_tf.utils.files import is_disk_full

SECONDS_AN_HOUR = 3600

#: Ctrl-C, and what schedulers, containers and ``kill`` send before they lose patience.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether it is time to leave."""

    def __init__(self, max_hours: float | None = None) -> None:
        """The time runs from now; ``None``: without end."""
        self._limit = None if max_hours is None else max_hours * SECONDS_AN_HOUR
        self._began = time.monotonic()
        self.signal: int | None = None

    def time_is_up(self) -> bool:
        """Whether the hours are over."""
        return self._limit is not None and time.monotonic() - self._began >= self._limit


@contextmanager
def defer_signals(request: StopRequest) -> Iterator[None]:
    """Ctrl-C and SIGTERM meanwhile are put down in ``request``, and delivered after the block.

    A second one is delivered at once. Outside the main thread, where Python lets nobody listen to
    signals, nothing is held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {n: handler for n, handler in before.items() if handler not in (None, signal.SIG_IGN)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hold(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            restore()
            signal.raise_signal(number)
        request.signal = number

    for number in before:
        signal.signal(number, hold)
    try:
        yield
    finally:
        restore()
    if request.signal is not None:
        signal.raise_signal(request.signal)


_GO_ON = "What the run wrote is whole: go on with --resume."


@contextmanager
def translate_errors(data: Path) -> Iterator[None]:
    """A full disk, or a data set that is not what it was, is a ``UserError`` within the block.

    Args:
        data: the data set's folder.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if is_disk_full(error):
            raise UserError(
                f"the disk is full: {first_line(error)}. Free some space. {_GO_ON}"
            ) from error
        check_data(data)
        if isinstance(error, tf.errors.DataLossError):
            raise UserError(
                f"the data set {data} is damaged: {first_line(error)}. Copy it again, or run"
                f" `cargan preprocess` again. {_GO_ON}"
            ) from error
        raise


@contextmanager
def translate_removal(run: Run) -> Iterator[None]:
    """A run whose folder went away within the block is a ``UserError``."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if run.exists():
            raise
        raise UserError(
            f"the run {run.path} was removed or its disk went away while it was training. Bring the"
            " folder back and go on with --resume, or train again."
        ) from error


def check_data(data: Path) -> None:
    """That the data set still has all its shards in their length.

    A shard cut short between two records reads as a shorter one: nothing else tells.

    Raises:
        UserError: it has not.
    """
    try:
        load_dataset(data)
    except UserError as error:
        raise UserError(f"the data set changed while training: {error} {_GO_ON}") from error
