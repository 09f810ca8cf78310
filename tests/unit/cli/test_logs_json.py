import json

import pytest
from cargan_cli import logs

pytestmark = pytest.mark.usefixtures("logging_as_before")


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
