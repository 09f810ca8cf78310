"""Commands where little is as usual: no home, no language, nobody who reads what they say."""

import os
import subprocess
import sys

import pytest

COMMANDS = (["models"], ["--help"], ["models", "nothing here"])


def run(words, shell="", **environment):
    """The finished process of ``cargan WORDS``, with nothing but ``environment`` and the path."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "cargan_cli.main", *words]
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command]
    return subprocess.run(
        command, env=kept | environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "environment",
    [{}, {"HOME": "/nowhere"}, {"LANG": "C", "LC_ALL": "C"}, {"LANG": "xx_XX", "TERM": "none"}],
    ids=["nothing", "no home", "C", "unknown language"],
)
def test_no_home_and_no_language_are_enough(words, environment):
    done = run(words, **environment)
    assert done.returncode == (2 if "nothing here" in words else 0)
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize("shell", ["| head -1", "| true", ">&-", "2>&-", "</dev/null", "<&-"])
@pytest.mark.parametrize("words", COMMANDS[:1], ids=" ".join)
def test_closed_streams_are_no_fault(words, shell):
    done = run(words, shell)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
