import json

import pytest
from cargan_cli.doctor import Finding

GOOD = Finding("python", "ok", "3.11.7")
ABSENT = Finding("extra video", "missing", "for videos", "pip install this")
BAD = Finding("keras", "failed", "2.15.0", "pip install that")


@pytest.fixture
def examined(monkeypatch):
    """Makes the examination find this."""

    def examine(*findings):
        monkeypatch.setattr("cargan_cli.doctor.examine_installation", lambda: iter(findings[:1]))
        monkeypatch.setattr("cargan_cli.doctor.examine_machine", lambda: iter(findings[1:]))

    return examine


def test_what_can_be_done_without_is_no_failure(cargan, examined):
    examined(GOOD, ABSENT)
    done = cargan("doctor")
    assert done.status == 0
    assert done.out.splitlines() == [
        "OK       python: 3.11.7",
        "missing  extra video: for videos",
        "         pip install this",
    ]


@pytest.mark.parametrize("findings", [(GOOD, BAD), (BAD, GOOD)])
def test_a_failure_is_status_1_and_all_is_shown(cargan, examined, findings):
    examined(*findings)
    done = cargan("doctor")
    assert done.status == 1
    assert "OK       python: 3.11.7\n" in done.out
    assert "FAILED   keras: 2.15.0\n         pip install that\n" in done.out


def test_programs_get_an_object_a_line(cargan, examined):
    examined(GOOD, BAD)
    done = cargan("doctor", "--json")
    assert done.status == 1
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"subject": "python", "state": "ok", "detail": "3.11.7", "remedy": ""},
        {"subject": "keras", "state": "failed", "detail": "2.15.0", "remedy": "pip install that"},
    ]
