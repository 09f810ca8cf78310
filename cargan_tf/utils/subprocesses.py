"""Worker processes: work in a subprocess, and the lifetime of child processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeVar

from cargan_tf.errors import UserError
from cargan_tf.utils.progress import Reporter, Task

Result = TypeVar("Result")


def default_workers() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stop_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed."""
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def stop_with_parent_ignoring_ctrl_c() -> None:
    """Initializer of pool workers: the parent handles Ctrl-C; the worker ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop_with_parent()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the parent has ended for any reason
        os._exit(1)


def run_in_subprocess(
    work: Callable[..., Result],
    *arguments: object,
    reporter: Reporter,
    prepare: Callable[[], object] | None = None,
) -> Result:
    """``work(*arguments, reporter=…)`` in a fresh interpreter; its progress and result come here.

    The process ends with this one, even if this one is killed. Ctrl-C interrupts the work there,
    which may save what it has, before it is raised here.

    Args:
        work: a function of a module, which is imported there.
        arguments: anything that can be pickled; the result as well.
        reporter: told of the work as if it were done here.
        prepare: called there first, before anything else is imported.

    Raises:
        UserError: the process ended before its time.
        Exception: what ``work`` raised.
    """
    # "spawn": a fork of a process that runs TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work_there, args=(there, prepare))
    process.start()
    there.close()
    try:
        here.send((work, arguments))
        return _followed(here, reporter)
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        process.join()
        raise UserError(
            f"the process that does {work.__name__!r} ended before its time (status"
            f" {process.exitcode}), perhaps for lack of memory: run the same command again, it"
            " goes on from what is on the disk. (In a script of your own, make the call under"
            " `if __name__ == '__main__':`.)"
        ) from error
    except BaseException:
        process.terminate()
        raise
    finally:
        here.close()  # first: it must not wait for a listener while it is waited for
        process.join()


def _followed(messages: Connection, reporter: Reporter, task: Task | None = None) -> Any:
    """What the work returns, or the end of the task within it; reports on the way."""
    while True:
        kind, *content = messages.recv()
        if kind == "begin":
            with reporter.task(*content) as inner:
                _followed(messages, reporter, inner)
        elif kind == "advance" and task is not None:
            task.advance(*content)
        elif kind == "message":
            reporter.message(*content)
        elif kind == "raise":
            raise content[0]
        else:
            return content[0] if content else None


def _work_there(parent: Connection, prepare: Callable[[], object] | None) -> None:
    """The life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C goes to the parent,
    signal.signal(signal.SIGTERM, _interrupt)  # which passes it on
    stop_with_parent()
    relay = _Relay(parent)
    with suppress(KeyboardInterrupt):
        try:
            if prepare is not None:
                prepare()
            work, arguments = parent.recv()
            result = work(*arguments, reporter=relay)
        except Exception as error:
            error.add_note(f"In its own process:\n{traceback.format_exc()}")
            relay.tell("raise", error)
        else:
            relay.tell("return", result)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Relay:
    """The reporter there: tells the one here."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent

    def tell(self, *message: object) -> None:
        with suppress(BrokenPipeError):  # nobody listens while the work is being interrupted
            self._parent.send(message)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        self.tell("begin", description, total)
        try:
            yield self
        finally:
            self.tell("end")

    def message(self, text: str) -> None:
        self.tell("message", text)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Of the task opened last: tasks lie within each other."""
        self.tell("advance", count, note)
