"""What ends a run early: signals, the time limit, and errors of disk, data and run.

The current step is finished and saved first, so that resuming is exact.
"""

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

SECONDS_PER_HOUR = 3600

#: Ctrl-C, and what schedulers, containers and ``kill`` send first.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


_RESUME = "The run's files are intact: continue with --resume."


class StopRequest:
    """Whether training should stop: a signal was received or the time limit has expired."""

    def __init__(self, max_hours: float | None = None) -> None:
        """The limit counts from now; ``None``: no limit."""
        self._limit = None if max_hours is None else max_hours * SECONDS_PER_HOUR
        self._began = time.monotonic()
        self.signal: int | None = None

    def time_is_up(self) -> bool:
        """Whether the time limit has expired."""
        return self._limit is not None and time.monotonic() - self._began >= self._limit


@contextmanager
def defer_signals(request: StopRequest) -> Iterator[None]:
    """Note Ctrl-C and SIGTERM in ``request``, and deliver them after the block.

    A second signal is delivered at once. Outside the main thread, where Python does not allow
    signal handlers, nothing is deferred.
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


@contextmanager
def translate_errors(data: Path) -> Iterator[None]:
    """Turn a full disk or a changed data set into a ``UserError``.

    Args:
        data: the data set's folder.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if is_disk_full(error):
            raise UserError(
                f"the disk is full: {first_line(error)}. Free some space. {_RESUME}"
            ) from error
        check_data(data)
        if isinstance(error, tf.errors.DataLossError):
            raise UserError(
                f"the data set {data} is damaged: {first_line(error)}. Copy it again, or run"
                f" `cargan preprocess` again. {_RESUME}"
            ) from error
        raise


@contextmanager
def translate_removal(run: Run) -> Iterator[None]:
    """Turn errors caused by the removal of the run's folder into a ``UserError``."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if run.exists():
            raise
        raise UserError(
            f"the run {run.path} was removed or its disk disconnected during training. Restore the"
            " folder and continue with --resume, or train again."
        ) from error


def check_data(data: Path) -> None:
    """Check that the data set still has all its shards in full length.

    A shard cut between two records reads as a shorter shard, without any other error.

    Raises:
        UserError: it does not.
    """
    try:
        load_dataset(data)
    except UserError as error:
        raise UserError(f"the data set changed during training: {error} {_RESUME}") from error
