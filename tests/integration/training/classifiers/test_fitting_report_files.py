import json
from dataclasses import asdict, dataclass

import pytest

from cargan_tf.training.classifiers.fitting import read_report_file


@dataclass(frozen=True)
class Report:
    accuracy: float
    labels: tuple[str, ...]


WHOLE = Report(0.75, ("cello", "flute"))


def test_a_report_comes_back_as_it_was(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(asdict(WHOLE)), "utf-8")
    assert read_report_file(tmp_path / "report.json", Report) == WHOLE


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"accuracy": 1}', b'{"accuracy": "x", "labels": []}', b"\xff"],
)
def test_one_that_is_damaged_is_an_error_of_value(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ValueError, match="validation error"):
        read_report_file(tmp_path / "report.json", Report)


def test_one_that_is_not_there_is_another_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_report_file(tmp_path / "report.json", Report)
