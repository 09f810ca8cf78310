import json
import os
import subprocess
import sys

import pytest

from cargan_tf.utils.stderr_filter import KNOWN_LINES

FILTERED = """
import os, sys
from cargan_tf.utils.stderr_filter import KNOWN_LINES, filter_standard_error
filter_standard_error({as_events})
{then}
"""


@pytest.fixture
def filtered():
    """Runs a program whose standard error is filtered: ``filtered("os.write(2, b'a')")``."""

    def run(then, as_events=False):
        program = FILTERED.format(then=then, as_events=as_events)
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    return run


def test_what_comes_from_c_is_filtered_and_pythons_own_goes_straight_on(filtered):
    done = filtered(
        "os.write(2, KNOWN_LINES[0] + b'\\nfrom C\\n')\n"
        "print('from Python', sys.stderr.fileno() != 2, file=sys.stderr)\n"
        "print('result')"
    )
    assert done.returncode == 0
    assert done.stdout == "result\n"
    assert sorted(done.stderr.splitlines()) == ["from C", "from Python True"]


def test_the_last_words_of_a_crash_arrive(filtered):
    done = filtered("os.write(2, b'Check failed: x'); os.abort()")
    assert done.returncode != 0
    assert done.stderr == "Check failed: x"


def test_a_traceback_arrives(filtered):
    assert "ZeroDivisionError" in filtered("1 / 0").stderr


def test_every_line_becomes_an_event(filtered):
    done = filtered(
        "os.write(2, KNOWN_LINES[0] + b'\\nW0000 00:00:1.5   23 a.cc:9] Input {of} x\\n')\n"
        'print(\'{"event": "ours"}\', file=sys.stderr)\n'
        "1 / 0",
        as_events=True,
    )
    first, second, *traceback = map(json.loads, done.stderr.splitlines())
    assert (first["level"], first["logger"]) == ("warning", "a.cc:9")
    assert first["message"] == "Input {of} x"
    assert second == {"event": "ours"}
    assert traceback[-1]["message"].startswith("ZeroDivisionError")


def test_without_standard_error_nothing_fails():
    program = FILTERED.format(then="print('here')", as_events=False)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2)
    )
    assert (done.returncode, done.stdout) == (0, b"here\n")


def test_a_signal_to_all_processes_of_a_job_leaves_it_until_the_others_are_gone(filtered):
    done = filtered(
        "from cargan_tf.utils import stderr_filter\n"
        "os.write(2, b'before\\n')\n"
        "import signal, time; time.sleep(1)  # by then it runs\n"
        "os.kill(stderr_filter._process.pid, signal.SIGTERM)\n"
        "time.sleep(0.3)\n"
        "os.write(2, b'after\\n')"
    )
    assert (done.returncode, done.stderr) == (0, "before\nafter\n")


def test_where_nobody_takes_the_lines_the_program_goes_on():
    program = FILTERED.format(
        then="[os.write(2, b'line\\n' * 9999) for _ in range(9)]; print('here')", as_events=True
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, timeout=60
        )
    assert (done.returncode, done.stdout) == (0, b"here\n")


def test_without_a_process_to_be_had_nothing_is_dropped(filtered):
    done = filtered("os.write(2, KNOWN_LINES[0])")
    assert done.stderr == ""
    program = FILTERED.format(then="os.write(2, KNOWN_LINES[0])", as_events=False)
    refusing = (
        "import subprocess\n"
        "def refuse(*words, **options): raise BlockingIOError\n"
        "subprocess.Popen = refuse\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", refusing + program], capture_output=True, check=True
    )
    assert done.stderr == KNOWN_LINES[0]
