"""Reading the events of ``--log-json``, and Python's logging as it was before."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """What ``--log-json`` changes in Python's logging is for one process: put it back."""
    names = (None, "tensorflow", "absl", "py.warnings")
    before = {name: logging.getLogger(name).handlers[:] for name in names}
    yield
    logging.captureWarnings(False)
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers


@pytest.fixture
def events(capsys) -> Callable[[], list[dict[str, Any]]]:
    """The events so far; every line of standard error is one, and nothing is on standard output."""

    def events() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.splitlines()]

    return events
