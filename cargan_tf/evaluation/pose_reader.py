"""Reading pitch and loudness from images of players, by ridge regression on the pixels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.utils.arrays import FloatArray

#: Pixels a side at which images are read.
SIZE: Final = 64
#: Ridge penalty, relative to the summed squares of the centered images.
PENALTY: Final = 1e-3
#: Fewer images of a class are not fitted.
MIN_IMAGES: Final = 8
_EPSILON: Final = 1e-6


class PoseReader:
    """Reads pitch and loudness from images, by one ridge regression per class and quantity."""

    def __init__(
        self,
        photos: FloatArray | NDArray[np.uint8],
        classes: NDArray[np.int64],
        pitch: NDArray[Any],
        loudness: NDArray[Any],
    ) -> None:
        """Fit on real photos.

        Args:
            photos: [N, S, S, 3], float32 in [-1, 1] or uint8.
            classes: index of each one's class, [N].
            pitch: MIDI key of each, [N]; NaN where it is not known.
            loudness: RMS of each sound in dB, [N].
        """
        self._fits: dict[tuple[str, int], tuple[FloatArray, FloatArray, float]] = {}
        for quantity, truth in (("pitch", pitch), ("loudness", loudness)):
            for label in np.unique(classes):
                known = (classes == label) & np.isfinite(truth)
                if known.sum() >= MIN_IMAGES:
                    self._fits[quantity, int(label)] = _fit(_pixels(photos[known]), truth[known])

    def classes_of(self, quantity: str) -> list[int]:
        """The classes in which ``pitch`` or ``loudness`` can be read."""
        return [label for name, label in self._fits if name == quantity]

    def read(self, images: FloatArray, quantity: str, label: int) -> NDArray[np.float64]:
        """[N] values of ``quantity`` in [N, S, S, 3] images of one class."""
        weights, mean, offset = self._fits[quantity, label]
        values: NDArray[np.float64] = (_pixels(images) - mean) @ weights + offset
        return values


def _pixels(images: FloatArray | NDArray[np.uint8]) -> FloatArray:
    """[N, SIZE * SIZE * 3] in [-1, 1]."""
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 127.5 - 1.0
    if images.shape[1:3] != (SIZE, SIZE):
        images = tf.image.resize(images, (SIZE, SIZE), antialias=True).numpy()
    return np.asarray(images, np.float32).reshape(len(images), -1)


def _fit(pixels: FloatArray, truth: NDArray[Any]) -> tuple[FloatArray, FloatArray, float]:
    """Weights, mean image and offset; in the dual form, as there are more pixels than images."""
    mean, offset = pixels.mean(axis=0), float(truth.mean())
    centered = pixels - mean
    kernel = centered @ centered.T
    kernel[np.diag_indices_from(kernel)] += PENALTY * max(float(np.trace(kernel)), _EPSILON)
    weights = centered.T @ np.linalg.solve(kernel.astype(np.float64), truth - offset)
    return weights.astype(np.float32), mean, offset
