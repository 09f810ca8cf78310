import io
import json
import os
import subprocess
import sys

import pytest
from cargan_cli.stderr_filter import KNOWN_LINES, as_event, useful

FILTERED = """
import os, sys
from cargan_cli.stderr_filter import KNOWN_LINES, filter_standard_error
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


def kept(text):
    return b"".join(useful(io.BytesIO(text)))


@pytest.mark.parametrize("known", KNOWN_LINES)
def test_known_lines_are_dropped_and_others_stay(known):
    assert kept(b"before\nW0000 a.cc:1] " + known + b" and more\nafter\nlast") == (
        b"before\nafter\nlast"
    )


def test_with_a_message_goes_what_continues_it():
    known, other = KNOWN_LINES[-1], b"E0000 a.cc:1] it failed\n"
    nodes = b"\t [[{{node IteratorGetNext}}]]\n"
    assert kept(known + b"\n" + nodes + nodes + other + nodes) == other + nodes


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


def test_bytes_that_are_no_text_make_an_event_too():
    assert "\ufffd" in json.loads(as_event(b"\xff\xfe\n"))["message"]


def test_without_standard_error_nothing_fails():
    program = FILTERED.format(then="print('here')", as_events=False)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2)
    )
    assert (done.returncode, done.stdout) == (0, b"here\n")
