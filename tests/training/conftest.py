"""Steps of the systems that the paper's is compared with, tiny."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.kinds import new_network
from cargan_tf.training.kinds import new_step
from cargan_tf.training.replicas import CompiledStep


@pytest.fixture(scope="session")
def new_tiny_step() -> Callable[..., CompiledStep]:
    """``new_tiny_step(config, strategy)``: a step with three labels, seeded."""

    def make(config: Config, strategy: tf.distribute.Strategy | None = None) -> CompiledStep:
        keras.utils.set_random_seed(0)
        strategy = strategy or tf.distribute.MirroredStrategy(["/cpu:0"])
        with strategy.scope():
            return new_step(config, new_network(config, 3), 3, strategy, steps_per_epoch=6)

    return make


@pytest.fixture(scope="session")
def tiny_batch() -> Callable[..., dict[str, np.ndarray]]:
    """``tiny_batch(seed)``: four pairs of 32 pixels and noise."""

    def make(seed: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        return {
            "spectrogram": random.uniform(-1, 1, (4, 32, 32, 1)).astype(np.float32),
            "label": np.eye(3, dtype=np.float32)[[0, 1, 2, 1]],
            "photo": random.uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32),
        }

    return make


@pytest.fixture(scope="session")
def moved() -> Callable[..., set[str]]:
    """``moved(networks, action)``: names of the networks of which ``action()`` moved anything."""

    def run(networks: dict[str, keras.Model], action: Callable[[], object]) -> set[str]:
        before = {name: network.get_weights() for name, network in networks.items()}
        action()
        return {
            name
            for name, network in networks.items()
            if not all(map(np.array_equal, before[name], network.get_weights()))
        }

    return run
