"""Feature extraction with any network: input conversion, batches, activations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.evaluation.report import NetworkInfo
from cargan_tf.models.base import to_pixels
from cargan_tf.utils.arrays import FloatArray, ImageSize, height_width

#: Images [B, S, S, 3], values 0 to 255, to features [B, F] and logits [B, K] or ``None``.
ActivationFunction = Callable[[tf.Tensor], tuple[tf.Tensor, Any]]

#: Roles of networks: features for FID, KID and IS; accuracy by C; accuracy by the evaluator.
FEATURES, CLASSIFIER, EVALUATOR = "features", "classifier", "evaluator"

#: Images at a time. At 224×224 more are slower: their features leave the processor's cache.
BATCH = 16


@dataclass(frozen=True, eq=False)
class Activations:
    """Features and logits of N images.

    Attributes:
        features: [N, F], before the last dense layer.
        logits: [N, K] of its own classes; ``None`` where it has none.
        members: logits of each of E networks that answer together, [E, N, K]; ``logits`` is then
            the log of their mean probability. ``None`` of a single network.
    """

    features: FloatArray
    logits: FloatArray | None
    members: FloatArray | None = None

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class with the highest logit of each image; raises ``ValueError`` without classes."""
        if self.logits is None:
            raise ValueError("this network has no classes")
        return np.argmax(self.logits, axis=1)

    @property
    def seen_by_each(self) -> NDArray[np.int64]:
        """The class that each network sees in each image, [E, N]; E is 1 for a single network."""
        return self.classes[None] if self.members is None else np.argmax(self.members, axis=2)

    def only(self, positions: NDArray[np.int64]) -> Activations:
        """The activations of these images."""
        return Activations(
            self.features[positions],
            None if self.logits is None else self.logits[positions],
            None if self.members is None else self.members[:, positions],
        )


class ImageNetwork(Protocol):
    """A network, or several that answer together."""

    info: NetworkInfo

    def __call__(self, images: FloatArray) -> Activations:
        """Activations of images [N, S, S, 3] in [-1, 1]."""


class FeatureNetwork:
    """Calls a network on arrays of any length, each image brought to its input by one rule.

    Images are rounded to 8 bits, as they would be saved, and resized to ``size`` in pixels,
    bilinearly and antialiased where that is smaller.
    """

    def __init__(self, info: NetworkInfo, activations: ActivationFunction, size: ImageSize) -> None:
        self.info = info
        self._size = size
        self._activations = tf.function(
            lambda images: activations(to_input(images, size)), autograph=False
        )

    def __call__(self, images: FloatArray) -> Activations:
        """Activations of images [N, S, S, 3] in [-1, 1]; equal images are computed once."""
        distinct, positions = _distinct(images)
        features, logits = [], []
        for start in range(0, len(distinct), BATCH):
            part = images[distinct[start : start + BATCH]]
            # Batches of one size, so that the graph is traced once.
            padded = np.pad(part, [(0, BATCH - len(part)), (0, 0), (0, 0), (0, 0)])
            part_features, classes = self._activations(tf.constant(padded, tf.float32))
            features.append(part_features.numpy()[: len(part)])
            if classes is not None:
                logits.append(classes.numpy()[: len(part)])
        return Activations(
            np.concatenate(features)[positions],
            np.concatenate(logits)[positions] if logits else None,
        )


def to_input(images: tf.Tensor, size: ImageSize) -> tf.Tensor:
    """Images [B, H, W, 3] in [-1, 1] to those of ``size``, 0 to 255."""
    pixels = tf.cast(to_pixels(images), tf.float32)
    shape = height_width(size)
    if pixels.shape[1:3] == shape:
        return pixels
    return tf.image.resize(pixels, shape, method="bilinear", antialias=True)


def resize_rule(size: ImageSize) -> str:
    """``to_input`` in words, for reports."""
    height, width = height_width(size)
    return f"rounded to 8 bits, to {height}×{width}, bilinear, antialiased where smaller"


def weights_hash(variables: Iterable[keras.Variable]) -> str:
    """SHA-256 of all values in order, in hexadecimal."""
    digest = hashlib.sha256()
    for variable in variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def _distinct(images: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first index of each different image, and for each image the position of its equal there.

    The class mean repeats the same image.
    """
    position_of: dict[bytes, int] = {}
    first: list[int] = []
    positions = np.empty(len(images), np.int64)
    for index, image in enumerate(images):
        key = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
        if key not in position_of:
            position_of[key] = len(first)
            first.append(index)
        positions[index] = position_of[key]
    return np.asarray(first, np.int64), positions
