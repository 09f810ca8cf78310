"""Leaving a run between two steps: when somebody asks, or when its time is up.

A step that was begun is ended and saved first, so that the run can be gone on with bit for bit.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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
def signals_held(request: StopRequest) -> Iterator[None]:
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
