import json

import pytest

pytestmark = pytest.mark.usefixtures("logging_as_before")


def test_a_process_of_its_own_says_everything_in_events(cargan_process, tmp_path):
    """Also what is written to the file descriptor, which passes through a process."""
    done = cargan_process("evaluate", "none", "--log-json", cwd=tmp_path)
    assert done.status == 2
    told = [json.loads(line) for line in done.err.splitlines()]
    assert told[-1]["event"] == "error"
    assert "none" in told[-1]["message"]
