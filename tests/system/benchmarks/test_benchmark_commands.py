"""Every benchmark runs and gives sane numbers; how large they are is for `make bench` to tell."""

import json
import math
import runpy
import shutil
import sys

import pytest

from benchmarks.__main__ import MEASUREMENTS, run
from cargan_tf.demo.static_site import SITE
from cargan_tf.models import attention

TINY = [
    ("training 64 ours", "training_step", "--size=32", "--repetitions=1"),
    ("training 64 authors", "training_step", "--size=32", "--repetitions=1", "--way=authors"),
    ("training 64 replicas", "training_step", "--size=32", "--repetitions=1", "--replicas=2"),
    ("inference 64×2 ours", "inference", "--size=32", "--batch=2", "--repetitions=1"),
    ("training quickstart", "training_step", "--name=quickstart", "--batch=2", "--repetitions=1"),
    ("preprocessing paper", "preprocessing"),
    ("preprocessing video", "preprocessing", "--kind=video"),
    ("start-up", "start_up"),
    ("backends", "backends"),
    ("live", "live"),
    ("web", "web", "--repetitions=1"),
    ("folder 32", "folder", "--size=32"),
    ("waiting quickstart", "input_share", "--name=quickstart"),
    ("op_variants", "op_variants", "--repetitions=1"),
]


#: Those that leave this process as it was: a process less to start for each. The others change
#: layers or devices; ``run`` is what ``make bench`` starts all of them by.
IN_THIS_PROCESS = {
    *("preprocessing", "start_up", "backends", "live", "web"),
    *("folder", "input_share", "op_variants"),
}


@pytest.fixture
def evaluation_values(monkeypatch, capsys):
    """``evaluation_values("folder", "--size=32")``"""

    def measure(module, *arguments):
        if module not in IN_THIS_PROCESS:
            return run(module, *arguments)
        # That of the forms changes it.
        monkeypatch.setattr(attention, "BLOCK_QUERIES", attention.BLOCK_QUERIES)
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        runpy.run_module(f"benchmarks.{module}", run_name="__main__", alter_sys=False)
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return measure


@pytest.mark.slow
@pytest.mark.parametrize("measurement", TINY, ids=lambda measurement: measurement[0])
def test_every_benchmark_runs(measurement, evaluation_values):
    _, module, *arguments = measurement
    if module == "web" and not (SITE / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    if module == "web" and not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("Chromium is not installed (apt-get install chromium chromium-driver)")
    figures = evaluation_values(module, *arguments, "--tiny")
    assert all(math.isfinite(value) for value in figures.values())
    # The others are differences of two times, which are no longer than their noise here.
    whole = {"images_per_second", "whole_pairs_per_second", "generate_seconds"} & set(figures)
    assert all(figures[name] > 0 for name in whole or figures)
    assert 0 < figures.get("share_of_product", 0.5) < 1
    assert 0 <= figures.get("waiting_for_data", 0.5) < 1


def test_no_benchmark_is_left_out():
    assert {arguments[0] for arguments in MEASUREMENTS.values()} == {row[1] for row in TINY}
