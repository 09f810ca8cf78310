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
    """Run ``work(*arguments, reporter=…)`` in a new interpreter; return its result.

    The subprocess ends with this process, even if this one is killed. Ctrl-C interrupts the work in
    the subprocess, which may save its state, before it is raised here.

    Args:
        work: a module-level function.
        arguments: must be picklable, as must the result.
        reporter: receives the subprocess's progress.
        prepare: called first in the subprocess, before other imports.

    Raises:
        UserError: the subprocess died.
        Exception: whatever ``work`` raised.
    """
    # "spawn": forking a process with TensorFlow's threads may hang.
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
            f"the subprocess for {work.__name__!r} died (status {process.exitcode}), perhaps for"
            " lack of memory: run the same command again, it continues from what is on disk. (In a"
            " script of your own, make the call under `if __name__ == '__main__':`.)"
        ) from error
    except BaseException:
        process.terminate()
        raise
    finally:
        here.close()  # before joining: the subprocess must not block on sending
        process.join()


def _followed(messages: Connection, reporter: Reporter, task: Task | None = None) -> Any:
    """Forward progress to ``reporter``; return the work's result, or at the end of ``task``."""
    while True:
        kind, *content = messages.recv()
        match kind:
            case "begin":
                with reporter.task(*content) as inner:
                    _followed(messages, reporter, inner)
            case "advance":
                if task is not None:
                    task.advance(*content)
            case "message":
                reporter.message(*content)
            case "raise":
                raise content[0]
            case "end":
                return None
            case "return":
                return content[0]


def _work_there(parent: Connection, prepare: Callable[[], object] | None) -> None:
    """Main function of the subprocess."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C reaches the parent,
    signal.signal(signal.SIGTERM, _interrupt)  # which sends SIGTERM
    stop_with_parent()
    relay = _Relay(parent)
    with suppress(KeyboardInterrupt):
        try:
            if prepare is not None:
                prepare()
            work, arguments = parent.recv()
            result = work(*arguments, reporter=relay)
        except Exception as error:
            error.add_note(f"In the subprocess:\n{traceback.format_exc()}")
            relay.send("raise", error)
        else:
            relay.send("return", result)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Relay:
    """Reporter of the subprocess: sends everything to the parent."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent

    def send(self, *message: object) -> None:
        with suppress(BrokenPipeError):  # the parent has closed the pipe after an interrupt
            self._parent.send(message)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        self.send("begin", description, total)
        try:
            yield self
        finally:
            self.send("end")

    def message(self, text: str) -> None:
        self.send("message", text)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Advance the innermost open task."""
        self.send("advance", count, note)
