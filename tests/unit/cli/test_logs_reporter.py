import io

import pytest
from cargan_cli import logs
from cargan_cli.logs import TerminalReporter
from rich.console import Console


class Screen:
    """What a reporter writes, on a terminal or into a file."""

    def __init__(self, terminal, width=80):
        self._stream = io.StringIO()
        console = Console(
            file=self._stream,
            force_terminal=terminal,
            width=width,
            highlight=False,
            color_system=None,
        )
        self.reporter = TerminalReporter(console)

    @property
    def text(self):
        return self._stream.getvalue()

    @property
    def lines(self):
        return self.text.splitlines()


@pytest.fixture
def file():
    return Screen(terminal=False)


@pytest.fixture
def terminal():
    return Screen(terminal=True)


def test_a_finished_task_is_one_line_in_a_file(file):
    with file.reporter.task("Work", 10) as task:
        for _ in range(10):
            task.advance()
    assert len(file.lines) == 1
    assert file.text.startswith("Work: 10/10, ")


def test_a_file_holds_no_control_characters(file):
    with file.reporter.task("Work", 2) as task:
        task.advance(2, "note")
    assert file.text.replace("\n", "").isprintable()


def test_long_work_is_told_of_at_intervals(file, monkeypatch):
    monkeypatch.setattr(logs, "LINE_INTERVAL", -1)
    with file.reporter.task("Work", 3) as task:
        task.advance(1, "first")
        task.advance()
        task.advance(1, "last")
    assert [line.partition(",")[0] for line in file.lines] == [
        "Work: 1/3",
        "Work: 2/3",
        "Work: 3/3",
    ]
    assert file.lines[0].endswith(" s, first"), "one cannot tell the pace yet"
    assert file.lines[1].endswith("s left, first"), "a note stands until the next"
    assert file.lines[2].endswith("s, last")


def test_the_time_left_is_reckoned_without_what_an_earlier_call_did(file, monkeypatch):
    monkeypatch.setattr(logs, "LINE_INTERVAL", -1)
    clock = iter([0.0, 10.0, 10.0, 10.0, 14.0, 14.0, 14.0, 14.0])
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(clock))
    with file.reporter.task("Work", 100) as task:
        task.advance(90)
        task.advance(2)
        assert file.lines[-1].endswith(", 16 s left")


def test_a_task_of_nothing_ends(file):
    with file.reporter.task("Work", 0):
        pass
    assert file.text.startswith("Work: 0/0, ")


def test_an_error_is_not_preceded_by_a_line_that_says_done(file):
    with pytest.raises(KeyError), file.reporter.task("Work", 2):
        raise KeyError
    assert file.text == ""


@pytest.mark.parametrize("screen", ["file", "terminal"])
def test_a_message_stands_as_it_is(screen, request):
    screen = request.getfixturevalue(screen)
    text = "step 5: [bold] " + "x" * 100
    screen.reporter.message(text)
    assert screen.text == f"{text}\n"


def test_a_bar_shows_count_and_note(terminal):
    with terminal.reporter.task("Work", 1800) as task:
        task.advance(1800, "L1 0.123, 12 images/s")
    last = terminal.text.split("\r")[-1]
    assert "Work " in last
    assert "1800/1800" in last
    assert "L1 0.123, 12 images/s" in last


def test_on_a_narrow_terminal_the_bar_gives_way_not_the_numbers(terminal):
    with terminal.reporter.task("Training", 1800) as task:
        task.advance(1720, "L1 0.123, 12 images/s")
    last = terminal.text.split("\r")[-1]
    assert "1720/1800" in last
    assert "…" not in last


def test_a_message_does_not_break_the_bar(terminal):
    with terminal.reporter.task("Work", 2) as task:
        task.advance()
        terminal.reporter.message("in between")
        task.advance()
    assert "in between\n" in terminal.text
    assert "2/2" in terminal.text.split("\r")[-1]


def test_a_task_within_a_task(terminal):
    with terminal.reporter.task("Outer", 1) as outer:
        with terminal.reporter.task("Inner", 1) as inner:
            inner.advance()
        outer.advance()
    assert "Outer" in terminal.lines[-2] + terminal.lines[-1]


def test_the_terminal_is_left_as_it_was_after_an_error(terminal):
    with pytest.raises(KeyError), terminal.reporter.task("Work", 2):
        raise KeyError
    assert terminal.text.rstrip().endswith("\x1b[?25h"), "the cursor is shown again"


def test_progress_goes_to_standard_error(capsys):
    with TerminalReporter().task("Work", 1) as task:
        task.advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Work: 1/1, ")


@pytest.mark.parametrize("screen", ["file", "terminal"])
def test_a_name_in_brackets_is_told_as_it_is(screen, request):
    screen = request.getfixturevalue(screen)
    with screen.reporter.task("Draw", 1) as task:
        task.advance(note="runs[/v2]")
    assert "runs[/v2]" in screen.text
