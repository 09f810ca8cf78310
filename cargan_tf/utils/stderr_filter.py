"""Standard error without the lines that TensorFlow's C++ says to nobody's use, and importing
TensorFlow without them.

They come at any time, some before any log level applies, and are written to the file descriptor
itself. So a small process of its own, which runs this file, reads what is written there and passes
on the rest: should the program crash, its last words still arrive. That process
starts without site-packages, so this file imports from the standard library alone.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

#: About nothing the user did or could do.
KNOWN_LINES = (
    # At every start, on a machine without a GPU.
    b"All log messages before absl::InitializeLog() is called are written to STDERR",
    b"oneDNN custom operations are on",
    b"This TensorFlow binary is optimized to use available CPU instructions",
    b"To enable the following instructions:",
    b"Could not find cuda drivers on your machine",
    b"failed call to cuInit",
    b"Cannot dlopen some GPU libraries",
    # At the first number in float16, as the shipped model stores its weights, or in bfloat16.
    b"oneDNN supports DT_",
    # Where a worker ends: its peers say so in one line, as the error is raised in Python as well.
    b"Aborting RingReduce with",
    b"BaseCollectiveExecutor::StartAbort",
    # When a data set is distributed over devices.
    b"Input of GeneratorDatasetOp::Dataset will not be optimized",
    # On a machine with a GPU, at every start; on one with little memory.
    b"Unable to register cu",
    b"computation placer already registered",
    b"exceeds 10% of free system memory",
    # At the end of a data set, and of errors that are raised in Python as well.
    b"Local rendezvous is aborting with status:",
    b"OP_REQUIRES failed at",
)

#: How TensorFlow continues a message: the graph nodes it is about, or gRPC's own words.
_CONTINUED = (
    b"\t [[",
    b"Additional GRPC error information from remote target",
    b":UNKNOWN:Error received from peer",
    b"The error could be from a previous operation.",
)
#: ``W0000 00:00:1795754589.324805   23805 dataset.cc:997] Input of …``
_GLOG = re.compile(r"([IWEF])\d{4} [\d:.]+ +\d+ ([\w.]+:\d+)\] (.*)")
_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "critical"}
_AS_EVENTS = "--events"

#: Seconds that the program waits at its end for the last lines to be passed on.
_PATIENCE = 1.0

_process: subprocess.Popen[bytes] | None = None


def filter_standard_error(as_events: bool = False) -> None:
    """From now on pass on what is written to file descriptor 2, but for ``KNOWN_LINES``.

    Python's own ``sys.stderr`` is unchanged, so progress bars reach the terminal.

    Args:
        as_events: make a JSON object of each line that is none; of ``sys.stderr``'s too.
    """
    global _process
    if _process is not None or os.name != "posix" or not sys.executable:
        return
    try:
        terminal = os.dup(2)
    except OSError:  # a process without standard error
        return
    try:
        # In a session of its own: Ctrl-C is not for it, it ends when nobody is left to write.
        _process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *([_AS_EVENTS] if as_events else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            start_new_session=True,
        )
    except OSError:  # no further process possible: the lines are only a nuisance
        os.close(terminal)
        return
    assert _process.stdin is not None
    atexit.register(_finish, _process, os.dup(terminal))
    os.dup2(_process.stdin.fileno(), 2)
    _process.stdin.close()
    if as_events or not _writes_to_2(sys.stderr):
        os.close(terminal)
        return
    sys.stderr = open(  # noqa: SIM115 (for good)
        terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors
    )


@contextlib.contextmanager
def without_known_lines() -> Iterator[None]:
    """Within the block hold back what is written to file descriptor 2; then pass it on but for
    ``KNOWN_LINES``.

    For a few seconds in somebody else's program, which has no need of a process for it.
    """
    if _process is not None or os.name != "posix":
        yield
        return
    with tempfile.TemporaryFile() as held:
        try:
            own = os.dup(2)
        except OSError:  # a process without standard error
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(own, 2)
            held.seek(0)
            for line in useful(held):
                os.write(2, line)
            os.close(own)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Within the block TensorFlow starts without what its C++ says to nobody's use.

    ``TF_CPP_MIN_LOG_LEVEL`` is set to leave out further notes to its own developers, unless the
    program has set it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with without_known_lines():
        yield


def import_tensorflow(start_devices: bool = True) -> None:
    """Import TensorFlow, unless it is imported, and start its devices.

    What its C++ says at that to nobody's use is not passed on; see ``quiet_start``.

    Args:
        start_devices: false leaves the devices for somebody else to split or choose.
    """
    if "tensorflow" in sys.modules:
        return
    with quiet_start():
        import tensorflow as tf

        if start_devices:
            tf.config.list_logical_devices()


def useful(lines: BinaryIO) -> Iterator[bytes]:
    """The lines that are not known, each as soon as it ends."""
    dropped = False
    for line in iter(lines.readline, b""):
        goes_on = dropped and line.startswith(_CONTINUED)
        known = not _is_event(line) and any(known in line for known in KNOWN_LINES)
        dropped = goes_on or known
        if not dropped:
            yield line


def as_event(line: bytes) -> bytes:
    """A line of text as an event of ``cargan_cli.logs.write_event``.

    A line that is a JSON object is kept; an empty one is dropped.
    """
    text = line.decode("utf-8", "replace").rstrip()
    if not text:
        return b""
    if _is_event(line):
        return line
    match = _GLOG.fullmatch(text)
    level, logger, message = match.groups() if match else ("E", "stderr", text)
    event = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        "level": _LEVELS[level],
        "event": "log",
        "logger": logger,
        "message": message,
    }
    return json.dumps(event).encode() + b"\n"


def _is_event(line: bytes) -> bool:
    """Whether it is a JSON object, as this program's own events are."""
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:  # UnicodeDecodeError is one
        return False


def _finish(process: subprocess.Popen[bytes], terminal: int) -> None:
    """Let the last lines arrive before the program is gone, and a container with it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os.dup2(terminal, 2)  # nobody writes to the filter any more
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)


def _writes_to_2(stream: object) -> bool:
    try:
        return stream.fileno() == 2  # type: ignore[attr-defined]
    except (AttributeError, io.UnsupportedOperation, ValueError):
        return False


def _pass_on() -> None:
    # Whoever ends a job signals all its processes; this one goes when the others have.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    convert = as_event if _AS_EVENTS in sys.argv else bytes
    for line in useful(sys.stdin.buffer):
        # Where nobody takes the line, a full disk say, the program must still be able to write.
        with contextlib.suppress(OSError):
            sys.stderr.buffer.write(convert(line))
            sys.stderr.buffer.flush()


if __name__ == "__main__":
    _pass_on()
