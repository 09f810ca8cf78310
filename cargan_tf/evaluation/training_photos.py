"""What an evaluation takes from real training photos: still photos, and the reading of poses.

Still photos are what a generator could show that ignores the sound, or hears only who plays: for
each class, and for each player of a class, the mean training photo and the median one. The median
of each pixel has the least mean |difference|, so the class median, not the class mean, is the best
that one image for all sounds of a class can do in L1.

Pitch and loudness are read from images of players by ridge regression on the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.evaluation.report import CLASS_MEAN, CLASS_MEDIAN, PLAYER_MEAN, PLAYER_MEDIAN
from cargan_tf.training.validation import names_of
from cargan_tf.utils.arrays import FloatArray, IntArray

#: Training photos at most, 400 of each of 13 classes: 1 GB at 256×256.
TRAINING_PHOTOS: Final = 5_200
#: Batch size; affects memory only.
_BATCH: Final = 64
#: Pixels a side at which poses are read.
SIZE: Final = 64
#: Ridge penalty, relative to the summed squares of the centered images.
PENALTY: Final = 1e-3
#: Poses are not read from fewer images of a class.
MIN_IMAGES: Final = 8
_EPSILON: Final = 1e-6


@dataclass(frozen=True, eq=False)
class TrainingPhotos:
    """A seeded sample of the training split, even over the classes.

    Attributes:
        photos: uint8 [N, S, S, 3].
        classes: index of each one's class, [N].
        players: who is seen, [N]; empty texts where the data does not say.
        pitch: MIDI key, [N]; NaN where the data does not say.
        loudness: RMS in dB of full scale, [N].
    """

    photos: NDArray[np.uint8]
    classes: IntArray
    players: tuple[str, ...]
    pitch: FloatArray
    loudness: FloatArray


def read_training_photos(dataset: DatasetInfo, data: Path, config: Config) -> TrainingPhotos:
    """At most ``TRAINING_PHOTOS`` of the training split of the data set in the folder ``data``."""
    chosen = stratified_sample(dataset, data, "train", TRAINING_PHOTOS, 0)
    columns: dict[str, list[NDArray[np.generic]]] = {}
    for batch in evaluation_batches(dataset, data, config, "train", _BATCH, chosen=chosen):
        photos = np.round((batch["photo"].numpy() + 1.0) * 127.5).astype(np.uint8)
        columns.setdefault("photo", []).append(photos)
        columns.setdefault("label", []).append(np.argmax(batch["label"], axis=1))
        for name in ("player", "midi", "rms_db"):
            columns.setdefault(name, []).append(batch[name].numpy())
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    return TrainingPhotos(
        photos=arrays["photo"],
        classes=arrays["label"],
        players=names_of(arrays["player"]),
        pitch=arrays["midi"],
        loudness=arrays["rms_db"],
    )


@dataclass(frozen=True, eq=False)
class Still:
    """One row of still photos; each stands for many pairs.

    Attributes:
        photos: [M, S, S, 3] in [-1, 1].
        chosen: index of each pair's photo, [N].
    """

    photos: FloatArray
    chosen: IntArray

    @property
    def images(self) -> FloatArray:
        """The photo of each pair, [N, S, S, 3]."""
        return self.photos[self.chosen]

    def only(self, positions: IntArray) -> Still:
        """Of these pairs."""
        return replace(self, chosen=self.chosen[positions])


class StillPhotos:
    """Mean and median training photo of each class, and of each player of a class."""

    def __init__(
        self, training: TrainingPhotos, labels: Sequence[str], class_means: FloatArray
    ) -> None:
        """Compute all of them.

        Args:
            training: the photos.
            labels: names of the K classes.
            class_means: mean of all training photos of each class, [K, S, S, 3].
        """
        self._labels = tuple(labels)
        self._class_means = class_means
        size = class_means.shape[1:]
        self._class_medians = np.zeros((len(labels), *size), np.float32)
        for label in np.unique(training.classes):
            self._class_medians[label] = _median(training.photos[training.classes == label])
        names = np.asarray(training.players)
        self._players: dict[tuple[int, str], int] = {}
        means: list[FloatArray] = []
        medians: list[FloatArray] = []
        for label, name in sorted(set(zip(training.classes.tolist(), names, strict=True))):
            photos = training.photos[(training.classes == label) & (names == name)]
            self._players[label, str(name)] = len(means)
            means.append(_scaled(photos.mean(axis=0)))
            medians.append(_median(photos))
        self._player_means, self._player_medians = np.stack(means), np.stack(medians)

    def rows(
        self, classes: IntArray, players: Sequence[str]
    ) -> tuple[dict[str, Still], dict[str, str]]:
        """The still photo of each pair by the name of the row, in order.

        Args:
            classes: of each pair, [N].
            players: of each pair, [N]; empty where the data names none.

        Returns:
            The rows, and for each one that there is not the reason.
        """
        rows = {
            CLASS_MEAN: Still(self._class_means, classes),
            CLASS_MEDIAN: Still(self._class_medians, classes),
        }
        reason = "the data names no players"
        if players:
            pairs = list(zip(classes.tolist(), players, strict=True))
            unseen = sorted(set(pairs) - self._players.keys())
            if not unseen:
                chosen = np.asarray([self._players[pair] for pair in pairs], np.int64)
                rows[PLAYER_MEAN] = Still(self._player_means, chosen)
                rows[PLAYER_MEDIAN] = Still(self._player_medians, chosen)
                return rows, {}
            label, name = unseen[0]
            reason = (
                f"{len(unseen)} of its players are on no training photo, such as {name}"
                f" ({self._labels[label]})"
            )
        return rows, dict.fromkeys((PLAYER_MEAN, PLAYER_MEDIAN), reason)


def _median(photos: NDArray[np.uint8]) -> FloatArray:
    return _scaled(np.median(photos, axis=0))


def _scaled(pixels: NDArray[np.floating]) -> FloatArray:
    """0 to 255 to [-1, 1]."""
    return np.asarray(pixels / 127.5 - 1.0, np.float32)


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

    def read(
        self, images: FloatArray | NDArray[np.uint8], quantity: str, label: int
    ) -> NDArray[np.float64]:
        """[N] values of ``quantity`` in [N, S, S, 3] images of one class, as in ``__init__``."""
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
