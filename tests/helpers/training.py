"""Steps of every kind of system, tiny, and batches for them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import Config, override
from cargan_tf.models.base import precision_scope
from cargan_tf.models.registry import new_network
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.networks import new_step
from cargan_tf.training.run import Run
from cargan_tf.training.steps.cargan_step import CarganStep
from cargan_tf.training.steps.train_step import TrainStep
from cargan_tf.training.trainer import Trainer

GENERATOR_TERMS = [
    "coarse_classification",
    "refined_classification",
    "coarse_adversarial",
    "refined_adversarial",
    "coarse_l1",
    "refined_l1",
    "generators",
]
DISCRIMINATOR_TERMS = [
    "real_discriminator",
    "coarse_discriminator",
    "refined_discriminator",
    "discriminator",
]


def batch_of(seed: int, size: int = 32) -> dict[str, np.ndarray]:
    """Four pairs of noise."""
    random = np.random.default_rng(seed)
    return {
        "spectrogram": random.uniform(-1, 1, (4, size, size, 1)).astype(np.float32),
        "label": np.eye(3, dtype=np.float32)[random.integers(0, 3, 4)],
        "photo": random.uniform(-1, 1, (4, size, size, 3)).astype(np.float32),
    }


def on_replicas(step: TrainStep, batch: dict[str, np.ndarray]) -> dict[str, Any]:
    """``batch`` spread over the step's replicas as the trainer's data set does it."""
    whole = tf.data.Dataset.from_tensors(batch).unbatch().batch(4)
    return next(iter(step.strategy.experimental_distribute_dataset(whole)))


def state(*networks: keras.Model) -> list[np.ndarray]:
    """Copies of all weights and moving statistics."""
    return [v.numpy().copy() for network in networks for v in network.variables]


def unchanged(before: list[np.ndarray], after: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(left, right) for left, right in zip(before, after, strict=True)]


def train_generators(step: CarganStep, batch: dict[str, tf.Tensor]) -> Any:
    """The generators' half of a step, op by op."""
    return step.strategy.run(step._train_generators, args=(batch,))


def train_discriminator(step: CarganStep, batch: dict[str, tf.Tensor]) -> Any:
    """D's half of a step, op by op."""
    stages = step.cascade(batch["spectrogram"], batch["label"])
    return step.strategy.run(step._train_discriminator, args=(batch, stages))


@pytest.fixture(scope="session")
def small_config(tiny_config) -> Config:
    """32 pixels: quick, and all there is to a step but dropout."""
    return override(tiny_config, ["data.image_size=32"])


@pytest.fixture
def batch() -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in batch_of(0).items()}


@pytest.fixture(scope="session")
def new_cascade_step(new_tiny_step) -> Callable[..., CarganStep]:
    """``new_cascade_step(config, strategy)``: CAR-GAN's step with a C that is not yet sure."""

    def make(config: Config, strategy: tf.distribute.Strategy | None = None) -> CarganStep:
        with precision_scope(config.training.precision):
            step = new_tiny_step(config, strategy)
        # Untrained, C's logits are in the hundreds and its softmax is 0 or 1.
        to_logits = step.cascade.classifier.to_logits.kernel
        to_logits.assign(1e-3 * to_logits.numpy())
        return step

    return make


class Signalled:
    """A step during whose ``at``-th call somebody presses Ctrl-C."""

    def __init__(self, step: TrainStep, at: int) -> None:
        self._step, self._at, self._calls = step, at, 0

    def __call__(self, batch: Any) -> Any:
        self._calls += 1
        if self._calls == self._at:
            signal.raise_signal(signal.SIGINT)
        return self._step(batch)


@pytest.fixture(scope="session")
def new_tiny_step() -> Callable[..., TrainStep]:
    """``new_tiny_step(config, strategy)``: a step with three labels, seeded."""

    def make(config: Config, strategy: tf.distribute.Strategy | None = None) -> TrainStep:
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


@pytest.fixture
def make(tiny_data, tiny_classifier, tiny_config) -> Callable[..., Trainer]:
    """Makes a trainer on one device: ``make(folder, "training.steps=3", resume=True)``."""

    def make(folder: Path, *overrides: str, data: Path = tiny_data, **options: Any) -> Trainer:
        config = override(tiny_config, overrides)
        return Trainer(Run(folder), data, config, make_strategy(), **options)

    return make
