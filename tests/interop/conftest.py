"""The authors' numbers, and networks with weights as if they had been trained."""

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


@pytest.fixture
def randomise():
    """Gives every variable of a network values of its own; variances are positive."""

    def assign(network, seed=0):
        random = np.random.default_rng(seed)
        for variable in network.variables:
            values = random.normal(0, 0.1, variable.shape)
            if variable.path.endswith("variance"):
                values = 0.5 + np.abs(values)
            variable.assign(values)

    return assign
