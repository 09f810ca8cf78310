"""Images and what networks see in them, made up so that every figure is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from cargan_tf.evaluation.generation import GeneratedSplit
from cargan_tf.evaluation.metrics.inputs import MetricInputs, NetworkActivations, rank
from cargan_tf.evaluation.networks.feature_network import Activations

LABELS = ("cello", "flute", "violin")
SIZE = 8


@pytest.fixture(scope="session")
def split(drawn_from) -> Callable[..., GeneratedSplit]:
    """``split(classes, players)``: real photos of noise; the generated ones are the photos."""

    def make(classes, players=()) -> GeneratedSplit:
        photos = np.random.default_rng(0).uniform(-1, 1, (len(classes), SIZE, SIZE, 3))
        return drawn_from(photos.astype(np.float32), classes, players, len(LABELS))

    return make


@pytest.fixture(scope="session")
def activations_of() -> Callable[..., NetworkActivations]:
    """``activations_of(name, fake=features, real=features, logits=…)`` of one network."""

    def make(name="seer", fake=None, real=None, logits=None) -> NetworkActivations:
        fake = np.zeros((len(logits), 1)) if fake is None else np.asarray(fake, np.float32)
        real = fake if real is None else np.asarray(real, np.float32)
        logits = None if logits is None else np.asarray(logits, np.float32)
        network = SimpleNamespace(info=SimpleNamespace(name=name))
        return NetworkActivations(network, Activations(fake, logits), Activations(real, None))

    return make


@pytest.fixture(scope="session")
def inputs(split) -> Callable[..., MetricInputs]:
    """``inputs(classes, images=…, players=…, activations=…)``, of the row ``refined``."""

    def make(classes, images=None, players=(), row="refined", **more) -> MetricInputs:
        generated = split(classes, players)
        images = generated.photos if images is None else np.asarray(images, np.float32)
        return MetricInputs(
            row=row,
            labels=LABELS,
            classes=generated.classes,
            images=images,
            photos=generated.photos,
            ranking=rank(images, generated),
            **more,
        )

    return make
