import logging
import warnings

import pytest
from cargan_cli.logs import logged


@pytest.fixture
def lines(capsys):
    """What is said on standard error within the block, line by line."""
    before = logging.root.handlers[:]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with logged(as_events=False):
            yield lambda: capsys.readouterr().err.splitlines()
    assert logging.root.handlers == before


@pytest.mark.parametrize("name", ["cargan_tf.training.checkpoints", "another"])
def test_a_warning_is_a_line_that_begins_with_its_level(lines, name):
    logging.getLogger(name).warning("step-%d is\ndamaged", 6)
    logging.getLogger(name).info("not of interest")
    logging.getLogger(name).error("lost")
    assert lines() == ["Warning: step-6 is\\ndamaged", "Error: lost"]


def test_pythons_warnings_are_lines_without_the_source_that_they_quote(lines):
    warnings.warn("an old way: it goes", FutureWarning, stacklevel=1)
    assert lines() == ["Warning: FutureWarning: an old way: it goes"]


def test_what_says_nothing_to_users_is_silent_by_name(lines):
    logging.getLogger("urllib3.connectionpool").warning("Retrying after connection broken")
    logging.getLogger("urllib3.other").warning("heard")
    assert lines() == ["Warning: heard"]


def test_a_warning_of_several_lines_is_told_whole(lines):
    warnings.warn("\nan old way:\nit goes", FutureWarning, stacklevel=1)
    assert lines() == ["Warning: FutureWarning: \\nan old way:\\nit goes"]


def test_a_fault_that_is_logged_keeps_its_traceback(lines):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("server").exception("a request failed")
    first, second, *_, last = [line for line in lines() if line]
    assert first == "Error: a request failed"
    assert second.startswith("Traceback")
    assert last.startswith("ZeroDivisionError")


def test_a_mistake_of_the_logging_library_stops_nothing(lines):
    logging.root.handlers[0].handle(logging.makeLogRecord({"msg": "%d steps", "args": ("many",)}))
    assert any("many" in line for line in lines())


def test_bad_input_is_still_one_line(cargan, tmp_path):
    assert cargan("train", "none", cwd=tmp_path).error.startswith("Error: no prepared data set")
