"""Pictures and what networks see in them, made up so that every figure is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from cargan_tf.evaluation.generation import DrawnSplit
from cargan_tf.evaluation.metrics.inputs import Looker, Material, rank
from cargan_tf.evaluation.networks.feature_network import Seen

LABELS = ("cello", "flute", "violin")
SIZE = 8


@pytest.fixture(scope="session")
def split(drawn_from) -> Callable[..., DrawnSplit]:
    """``split(classes, players)``: real photos of noise; the generated ones are the photos."""

    def make(classes, players=()) -> DrawnSplit:
        photos = np.random.default_rng(0).uniform(-1, 1, (len(classes), SIZE, SIZE, 3))
        return drawn_from(photos.astype(np.float32), classes, players, len(LABELS))

    return make


@pytest.fixture(scope="session")
def looker() -> Callable[..., Looker]:
    """``looker(name, fake=features, real=features, logits=…)`` of a network that sees just that."""

    def make(name="seer", fake=None, real=None, logits=None) -> Looker:
        fake = np.zeros((len(logits), 1)) if fake is None else np.asarray(fake, np.float32)
        real = fake if real is None else np.asarray(real, np.float32)
        logits = None if logits is None else np.asarray(logits, np.float32)
        network = SimpleNamespace(info=SimpleNamespace(name=name))
        return Looker(network, Seen(fake, logits), Seen(real, None))

    return make


@pytest.fixture(scope="session")
def material(split) -> Callable[..., Material]:
    """``material(classes, pictures=…, players=…, lookers=…)``, of the row ``refined``."""

    def make(classes, pictures=None, players=(), row="refined", **more) -> Material:
        drawn = split(classes, players)
        pictures = drawn.photos if pictures is None else np.asarray(pictures, np.float32)
        return Material(
            row=row,
            labels=LABELS,
            classes=drawn.classes,
            pictures=pictures,
            photos=drawn.photos,
            ranking=rank(pictures, drawn),
            **more,
        )

    return make
