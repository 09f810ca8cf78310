"""One small sample data set for the tests that only read it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cargan_tf.data.sample.build import make_sample_data

SMALL = {"recordings": 9, "clips_per_recording": 2, "seed": 3, "labels": ("flute", "violin")}


@pytest.fixture(scope="session")
def small_set(tmp_path_factory) -> Path:
    """The folder of a set of two instruments."""
    out = tmp_path_factory.mktemp("sample") / "small"
    make_sample_data(out, **SMALL, workers=1)
    return out


@pytest.fixture(scope="session")
def rows(small_set) -> list[dict[str, str]]:
    """The lines of its manifest."""
    with (small_set / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))
