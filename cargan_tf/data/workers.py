"""Chunks of pairs through all cores, results in the order of the chunks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir

from cargan_tf.data.extraction import Chunk, Extracted, extract
from cargan_tf.data.parking import Parked, fetch, park, remove_parked
from cargan_tf.errors import UserError

#: Chunks under way for each worker: one at work, one waiting. More would only fill memory.
_AHEAD = 2


def default_workers() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def extracting(
    chunks: Iterable[Chunk], workers: int, folder: Path | None = None
) -> Iterator[Iterator[Extracted]]:
    """Start ``workers`` processes on ``chunks`` and hand over the results, in order.

    The processes are at work from the start, so that the caller can get ready meanwhile. One
    worker means no further process at all.

    Args:
        chunks: any number.
        workers: processes.
        folder: on this machine, by way of which results come, in hidden files that are removed;
            by default where the system has its temporary files.

    Raises:
        UserError: a process died, or none can be started from here.
    """
    if workers == 1:
        yield map(extract, chunks)
        return
    # "spawn": a fork of a process that runs TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    parked = str(folder or gettempdir()), f".{token_hex(4)}."

    def submit(chunk: Chunk) -> Future[Parked]:
        return pool.submit(_extract_and_park, chunk, *parked)

    with ProcessPoolExecutor(workers, mp_context=context, initializer=stand_by_parent) as pool:
        try:
            yield _in_order(submit, iter(chunks), _AHEAD * workers)
        except BrokenProcessPool as error:
            raise UserError(
                "a process that prepares the data ended before its time, perhaps for lack of"
                " memory: run the same command again, with fewer workers; finished shards are"
                " kept. (In a script of your own, call preprocess() under"
                " `if __name__ == '__main__':`.)"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            remove_parked(*parked)


def _extract_and_park(chunk: Chunk, folder: str, name: str) -> Parked:
    return park(extract(chunk), folder, name)


def _in_order(
    submit: Callable[[Chunk], Future[Parked]], chunks: Iterator[Chunk], ahead: int
) -> Iterator[Extracted]:
    under_way = deque(submit(chunk) for chunk in islice(chunks, ahead))
    return _results(submit, chunks, under_way)


def _results(
    submit: Callable[[Chunk], Future[Parked]],
    chunks: Iterator[Chunk],
    under_way: deque[Future[Parked]],
) -> Iterator[Extracted]:
    while under_way:
        result = fetch(under_way.popleft().result())
        for chunk in islice(chunks, 1):
            under_way.append(submit(chunk))
        yield result


def end_with_parent() -> None:
    """From now on this process ends when the one that started it has, even by being killed."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def stand_by_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the parent has ended, however it did
        os._exit(1)
