import json
import logging

import pytest
from cargan_cli import logs


@pytest.fixture(autouse=True)
def logging_as_before():
    """What ``--log-json`` changes in Python's logging is for one process: put it back."""
    names = (None, "tensorflow", "absl", "py.warnings")
    before = {name: logging.getLogger(name).handlers[:] for name in names}
    yield
    logging.captureWarnings(False)
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers


@pytest.fixture
def events(capsys):
    """The events so far; every line of standard error is one, and nothing is on standard output."""

    def events():
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.splitlines()]

    return events


def test_a_task_begins_goes_on_and_ends(events, monkeypatch):
    monkeypatch.setattr(logs, "INTERVAL", -1)
    with logs.JsonReporter().task("Training", 3) as task:
        task.advance(2, "L1 0.5")
        task.advance()
    told = [(e["event"], e["task"], e.get("done"), e["total"], e.get("note")) for e in events()]
    assert told == [
        ("begin", "Training", None, 3, None),
        ("progress", "Training", 2, 3, "L1 0.5"),
        ("progress", "Training", 3, 3, "L1 0.5"),
        ("end", "Training", 3, 3, "L1 0.5"),
    ]


def test_progress_is_told_of_at_intervals(events):
    with logs.JsonReporter().task("Training", 1000) as task:
        for _ in range(1000):
            task.advance()
    assert [event["event"] for event in events()] == ["begin", "end"]


def test_work_that_failed_has_no_end(events):
    with pytest.raises(KeyError), logs.JsonReporter().task("Training", 3):
        raise KeyError
    assert [event["event"] for event in events()] == ["begin"]


def test_a_message_of_several_lines_and_letters_is_one_line(events):
    logs.JsonReporter().message("two\nlines, “ß”")
    (event,) = events()
    assert event["message"] == "two\nlines, “ß”"


def test_bad_input_is_an_event(cargan, tmp_path):
    done = cargan("train", "none", "--log-json", cwd=tmp_path)
    event = json.loads(done.err)
    assert (done.status, event["event"], event["level"]) == (2, "error", "error")
    assert event["message"].startswith("no prepared data set in none")
