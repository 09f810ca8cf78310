import threading
from types import SimpleNamespace

import pytest
from cargan_cli import logs
from cargan_cli.logs import message_until_first, message_when_slow


@pytest.fixture
def terminal(monkeypatch):
    """Standard error is one, whatever pytest has put in its place when that is asked."""
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))


def test_no_program_is_told_what_is_waited_for(capsys, monkeypatch):
    monkeypatch.setattr(logs, "SLOW_SECONDS", 0.0)
    with message_when_slow("Loading the model …"):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("terminal")
def test_what_takes_long_says_what_it_waits_for(capsys, monkeypatch):
    monkeypatch.setattr(logs, "SLOW_SECONDS", 0.0)
    with message_when_slow("Loading the model …"):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(10)
    assert capsys.readouterr().err == "Loading the model …\n"


@pytest.mark.usefixtures("terminal")
def test_what_is_quick_says_nothing(capsys):
    with message_when_slow("Loading the model …"):
        pass
    assert not [
        one
        for one in threading.enumerate()
        if isinstance(one, threading.Timer) and not one.finished.is_set()
    ]
    assert capsys.readouterr().err == ""


def test_only_the_first_of_many_is_waited_for(capsys, monkeypatch):
    started = []
    monkeypatch.setattr(logs, "message_when_slow", lambda text: started.append(text) or _Nothing())
    assert list(message_until_first(iter([1, 2, 3]), "Generating …")) == [1, 2, 3]
    assert list(message_until_first([], "Generating …")) == []
    assert started == ["Generating …"] * 2


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None
