"""How fast a run goes, and how much of its time it waits for data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Counts the steps and the waiting since it was last read."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._reset()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time inside is spent waiting for data."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The time inside is no part of training."""
        began = time.perf_counter()
        yield
        self._began += time.perf_counter() - began

    def count_step(self) -> None:
        """One more batch is done."""
        self._steps += 1

    def read(self) -> dict[str, float]:
        """Pictures a second and the share spent waiting since the last reading."""
        elapsed = time.perf_counter() - self._began
        speed = {
            "pictures_per_second": self._steps * self._batch_size / elapsed,
            "waiting_for_data": self._waited / elapsed,
        }
        self._reset()
        return speed

    def _reset(self) -> None:
        self._began = time.perf_counter()
        self._waited = 0.0
        self._steps = 0
