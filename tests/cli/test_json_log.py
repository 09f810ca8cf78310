import datetime
import importlib.metadata
import json
import logging
import platform
import warnings

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


def test_the_first_event_has_versions_devices_and_seed(events):
    logs.new_reporter(True, seed=7)
    (start,) = events()
    assert (start["event"], start["level"], start["seed"]) == ("start", "info", 7)
    assert start["versions"]["python"] == platform.python_version()
    assert start["versions"]["keras"] == importlib.metadata.version("keras")
    assert any("CPU" in device for device in start["devices"])
    assert datetime.datetime.fromisoformat(start["time"]).utcoffset() == datetime.timedelta(0)


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


@pytest.mark.parametrize("name", ["cargan_tf.training.checkpoints", "tensorflow", "another"])
def test_warnings_of_libraries_are_events(events, name):
    logs.new_reporter(True, seed=0)
    logging.getLogger(name).warning("step-%d is damaged", 6)
    event = events()[-1]
    assert (event["event"], event["level"], event["logger"]) == ("log", "warning", name)
    assert event["message"] == "step-6 is damaged"


def test_pythons_warnings_are_events(events):
    logs.new_reporter(True, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in events()[-1]["message"]


def test_bad_input_is_an_event(cargan, tmp_path):
    done = cargan("train", "none", "--log-json", cwd=tmp_path)
    event = json.loads(done.err)
    assert (done.status, event["event"], event["level"]) == (2, "error", "error")
    assert event["message"].startswith("no prepared data set in none")


def test_a_process_of_its_own_says_everything_in_events(cargan_process, tmp_path):
    """Also what is written to the file descriptor, which passes through a process."""
    done = cargan_process("evaluate", "none", "--log-json", cwd=tmp_path)
    assert done.status == 2
    told = [json.loads(line) for line in done.err.splitlines()]
    assert told[-1]["event"] == "error"
    assert "none" in told[-1]["message"]


def test_preprocessing_is_told_in_events(cargan, tiny_source, tiny_yaml, tmp_path):
    words = (tiny_source, tmp_path / "data", "--config", tiny_yaml, "--workers", 1, "--log-json")
    done = cargan("preprocess", *words)
    assert done.status == 0, done.err
    told = [json.loads(line) for line in done.err.splitlines()]
    assert told[0]["event"] == "start"
    assert {event["event"] for event in told[1:]} <= {"begin", "progress", "end", "message"}
    assert all(event["done"] == event["total"] for event in told if event["event"] == "end")
    assert "train: 24 pairs" in done.out
