"""The authors' numbers, and their networks at the least size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cargan_tf.config import Config, load_config

#: Beside the checkout, where the numbers lie that the authors' networks gave.
GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


@pytest.fixture(scope="session")
def golden():
    """Reads one file of theirs: PyTorch's names, channels before places."""

    def read(name):
        if not GOLDEN.is_dir():
            pytest.skip(f"the authors' numbers are not at {GOLDEN}")
        with np.load(GOLDEN / f"{name}.npz") as file:
            return {key: file[key] for key in file.files}

    return read


@pytest.fixture(scope="session")
def authors_config() -> Config:
    """The authors' networks at the least size."""
    texts = ["model.generator_width=4", "classifier.width=2", "data.image_size=32"]
    return load_config("authors", texts)
