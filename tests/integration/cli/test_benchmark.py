"""The table of scores on standard output, and options that do not go together."""

from pathlib import Path

import pytest

from cargan_tf.evaluation.benchmark import BenchmarkInfo
from cargan_tf.evaluation.report import MetricValue, Row


@pytest.fixture
def scored(monkeypatch):
    """Scores that are given, without data."""
    asked = []
    rows = [
        Row("mine", {"fid": MetricValue(12.5, 78), "recognition": MetricValue(0.75, 78)}),
        Row("real photos", {"fid": MetricValue(3.25, 78)}),
    ]
    where = "cargan_tf.evaluation.benchmark"
    monkeypatch.setattr(f"{where}.score", lambda *given: asked.append(given))
    monkeypatch.setattr(f"{where}.results", lambda out: rows)
    return asked


def test_a_system_is_scored_and_all_are_listed(cargan, scored):
    done = cargan("benchmark", "bench", "--images", "mine", "--recognized", "labels.csv")
    assert done.status == 0, done.err
    assert scored[0][:4] == (Path("bench"), "mine", Path("mine"), Path("labels.csv"))
    mine = next(line for line in done.out.splitlines() if "mine" in line)
    assert "12.5" in mine
    assert "0.750" in mine


def test_the_data_are_made_and_the_next_command_proposed(cargan, monkeypatch):
    monkeypatch.setattr(
        "cargan_tf.evaluation.benchmark.make_benchmark",
        lambda out, size, *_: BenchmarkInfo(1, size, "abc" * 20, 312),
    )
    done = cargan("benchmark", "bench", "--size", "small")
    assert done.out.startswith("Benchmark: bench/clips.csv, 312 test sounds; data abcabcabcabc")
    assert done.next == "cargan benchmark bench --images FOLDER"


def test_a_size_is_of_making(cargan, tmp_path):
    words = ("--size", "small", "--images", tmp_path)
    assert "--size and --images cannot be used together" in cargan("benchmark", "b", *words).error
    assert "holds no benchmark" in cargan("benchmark", tmp_path, "--images", tmp_path).error
