import json
import logging

import pytest


@pytest.fixture(autouse=True)
def logging_as_before():
    """What ``--log-json`` changes in Python's logging is for one process: put it back."""
    names = (None, "tensorflow", "absl", "py.warnings")
    before = {name: logging.getLogger(name).handlers[:] for name in names}
    yield
    logging.captureWarnings(False)
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers


def test_a_process_of_its_own_says_everything_in_events(cargan_process, tmp_path):
    """Also what is written to the file descriptor, which passes through a process."""
    done = cargan_process("evaluate", "none", "--log-json", cwd=tmp_path)
    assert done.status == 2
    told = [json.loads(line) for line in done.err.splitlines()]
    assert told[-1]["event"] == "error"
    assert "none" in told[-1]["message"]
