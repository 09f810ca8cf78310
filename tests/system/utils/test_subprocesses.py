import importlib
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from cargan_tf.errors import UserError
from cargan_tf.utils.progress import SilentReporter
from cargan_tf.utils.subprocesses import run_in_subprocess

WORK = """
import os, pathlib, signal, time
from cargan_tf.errors import UserError

def describe(first, second, reporter):
    with reporter.task("outer", 2) as outer:
        with reporter.task("inner", 1) as inner:
            inner.advance(1, "note")
        outer.advance(2)
    reporter.message("done")
    return {"sum": first + second, "pid": os.getpid(), "prepared": os.environ.get("PREPARED")}

def prepare():
    os.environ["PREPARED"] = "yes"

def refuse(reporter):
    with reporter.task("begun", 1):
        raise UserError("a fault of the input")

def fail(reporter):
    raise ValueError("a fault of the program")

def die(reporter):
    os.kill(os.getpid(), signal.SIGKILL)

def wait(folder, reporter):
    try:
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)
    except KeyboardInterrupt:
        for _ in range(10_000):
            reporter.message("nobody reads this")
        (folder / "saved").touch()
        raise
"""

CALL = """
import importlib, pathlib, sys
sys.path.insert(0, sys.argv[1])
if __name__ == "__main__":
    from cargan_tf.utils.subprocesses import run_in_subprocess
    from cargan_tf.utils.progress import SilentReporter
    work = importlib.import_module("apart_work")
    run_in_subprocess(work.wait, pathlib.Path(sys.argv[1]), reporter=SilentReporter())
"""


class Log:
    def __init__(self):
        self.lines = []

    @contextmanager
    def task(self, description, total):
        self.lines.append(f"{description} of {total}")
        yield Counting(self.lines, description)
        self.lines.append(f"{description} ends")

    def message(self, text):
        self.lines.append(text)


class Counting:
    def __init__(self, lines, description):
        self.lines, self.description = lines, description

    def advance(self, count=1, note=""):
        self.lines.append(f"{self.description} +{count} {note}".rstrip())


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A module that another process can import."""
    (tmp_path / "apart_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "apart_work", raising=False)
    return importlib.import_module("apart_work")


def test_result_and_progress_come_from_another_process(work):
    log = Log()
    result = run_in_subprocess(work.describe, 1, 2, reporter=log, prepare=work.prepare)
    assert result["sum"] == 3
    assert result["pid"] != os.getpid()
    assert result["prepared"] == "yes"
    assert "PREPARED" not in os.environ
    assert log.lines == [
        *("outer of 2", "inner of 1", "inner +1 note", "inner ends"),
        *("outer +2", "outer ends", "done"),
    ]


def test_what_is_raised_there_is_raised_here(work):
    with pytest.raises(UserError, match="a fault of the input"):
        run_in_subprocess(work.refuse, reporter=SilentReporter())
    with pytest.raises(ValueError, match="a fault of the program") as caught:
        run_in_subprocess(work.fail, reporter=SilentReporter())
    assert "line" in caught.value.__notes__[0]


def test_a_process_that_dies_is_told(work):
    with pytest.raises(UserError, match=r"'die' died \(status -9\)"):
        run_in_subprocess(work.die, reporter=SilentReporter())


@pytest.mark.parametrize(("sent", "saved"), [(signal.SIGINT, True), (signal.SIGKILL, False)])
def test_it_ends_with_the_one_that_started_it(work, tmp_path, sent, saved):
    """Ctrl-C, even to the parent alone, lets the work save what it has; a kill leaves nothing."""
    script = tmp_path / "call.py"
    script.write_text(CALL)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path],
        stderr=subprocess.DEVNULL,
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child = int(_content_of(tmp_path / "pid"))
    process.send_signal(sent)
    process.wait(120)
    _wait_until(lambda: not _is_alive(child))
    assert (tmp_path / "saved").exists() is saved


def _content_of(file):
    _wait_until(lambda: file.exists() and file.read_text())
    return file.read_text()


def _wait_until(happened):
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stream:
        return stream.read().rpartition(")")[2].split()[0] != "Z"
