import datetime
import importlib.metadata
import json
import logging
import platform
import warnings

import pytest
from cargan_cli import logs

pytestmark = pytest.mark.usefixtures("logging_as_before")


def test_the_first_event_has_versions_devices_and_seed(events):
    logs.new_reporter(True, seed=7)
    (start,) = events()
    assert (start["event"], start["level"], start["seed"]) == ("start", "info", 7)
    assert start["versions"]["python"] == platform.python_version()
    assert start["versions"]["keras"] == importlib.metadata.version("keras")
    assert any("CPU" in device for device in start["devices"])
    assert datetime.datetime.fromisoformat(start["time"]).utcoffset() == datetime.timedelta(0)


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


def test_preprocessing_is_told_in_events(cargan, tiny_source, tiny_yaml, tmp_path):
    words = (tiny_source, tmp_path / "data", "--config", tiny_yaml, "--workers", 1, "--log-json")
    done = cargan("preprocess", *words)
    assert done.status == 0, done.err
    told = [json.loads(line) for line in done.err.splitlines()]
    assert told[0]["event"] == "start"
    assert {event["event"] for event in told[1:]} <= {"begin", "progress", "end", "message"}
    assert all(event["done"] == event["total"] for event in told if event["event"] == "end")
    assert "train: 24 pairs" in done.out
