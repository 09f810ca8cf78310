"""Validation on held-out pairs: the conditioning metrics and the image grid; class mean photos."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.models.base import ImageGenerator
from cargan_tf.training.conditioning_metrics import (
    ConditioningMetrics,
    HeldOutPairs,
    measure_conditioning,
)
from cargan_tf.training.run import Run
from cargan_tf.utils.arrays import FloatArray, IntArray
from cargan_tf.utils.files import write_atomically
from cargan_tf.visualization.grids import sample_grid, two_clips_per_label

#: Photos per batch; affects memory only.
_BATCH = 64


def class_means(run: Run, dataset: DatasetInfo, data: Path, config: Config) -> FloatArray:
    """The mean training photo of each class, [K, S, S, 3] in [-1, 1].

    Cached in the run; a damaged file is recomputed.

    Raises:
        UserError: the data set has no training photo.
    """
    kept = kept_class_means(run)
    if kept is None:
        kept = class_mean_photos(evaluation_batches(dataset, data, config, "train", _BATCH))
        content = io.BytesIO()
        np.save(content, kept)
        write_atomically(run.class_means, content.getvalue())
    return kept


def kept_class_means(run: Run) -> FloatArray | None:
    """The class means that the run keeps of its own data; None where it has none yet."""
    try:
        kept: FloatArray = np.load(run.class_means, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    return kept


def class_mean_photos(batches: Iterable[Mapping[str, tf.Tensor]]) -> FloatArray:
    """The mean photo of each class over batches, [K, S, S, 3] in [-1, 1].

    Raises:
        ValueError: there is no batch.
    """
    total: np.ndarray | None = None
    counts: np.ndarray | None = None
    for batch in batches:
        label, photo = batch["label"].numpy(), batch["photo"].numpy()
        part = np.einsum("bk,bhwc->khwc", label, photo, dtype=np.float64)
        total = part if total is None else total + part
        counts = label.sum(0) if counts is None else counts + label.sum(0)
    if total is None or counts is None:
        raise ValueError("class_mean_photos needs at least one batch; received none")
    return (total / np.maximum(counts, 1)[:, None, None, None]).astype(np.float32)


class Validation:
    """A split's pairs in memory, and the network that is validated on them."""

    def __init__(
        self,
        network: ImageGenerator,
        labels: Sequence[str],
        held_out: HeldOutPairs,
        recordings: Sequence[str],
        class_means: FloatArray,
        batch_size: int,
        seed: int,
    ) -> None:
        self._labels = labels
        self._held_out = held_out
        self._class_means = class_means
        self._seed = seed
        self._generator = BatchGenerator(network, batch_size)
        self._rows = two_clips_per_label(
            held_out.classes, recordings, held_out.players or recordings, seed
        )

    @classmethod
    def of_split(
        cls,
        network: ImageGenerator,
        dataset: DatasetInfo,
        data: Path,
        config: Config,
        split: str,
        class_means: FloatArray,
    ) -> Validation:
        """The pairs of ``split``, at most ``monitor.validation_clips`` of them."""
        batch_size, clips = config.training.batch_size, config.monitor.validation_clips
        held_out, recordings = load_held_out_pairs(
            evaluation_batches(dataset, data, config, split, batch_size, limit=clips)
        )
        seed = config.training.seed
        return cls(network, dataset.labels, held_out, recordings, class_means, batch_size, seed)

    def measure(self) -> ConditioningMetrics:
        """Whether the images follow the audio."""
        return measure_conditioning(self._generator, self._held_out, self._class_means, self._seed)

    def grid(self) -> Image.Image:
        """One row per label: two different sounds, their images, and the photos."""
        held_out = self._held_out
        flat = [index for row in self._rows for index in row]
        coarse, refined = self._generator(
            held_out.spectrograms[flat], held_out.labels[flat], held_out.player_indices[flat]
        )
        return sample_grid(
            [(2 * row, 2 * row + 1) for row in range(len(self._rows))],
            [self._labels[held_out.classes[first]] for first, _ in self._rows],
            held_out.spectrograms[flat],
            coarse,
            refined,
            held_out.photos[flat],
        )


class BatchGenerator:
    """Runs a network in inference mode on arrays of any length but 0, batch by batch."""

    def __init__(self, network: ImageGenerator, batch_size: int) -> None:
        self._network = network
        self._batch_size = batch_size
        self._generate = tf.function(self._images, reduce_retracing=True, autograph=False)

    def __call__(
        self, spectrograms: FloatArray, labels: FloatArray, players: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Coarse and refined images, each [N, S, S, 3] in [-1, 1], of the players [N]."""
        coarse, refined = [], []
        for start in range(0, len(labels), self._batch_size):
            part = slice(start, start + self._batch_size)
            images = self._generate(
                *(tf.constant(values[part]) for values in (spectrograms, labels, players))
            )
            coarse.append(images[0].numpy())
            refined.append(images[1].numpy())
        return np.concatenate(coarse), np.concatenate(refined)

    def _images(
        self, spectrogram: tf.Tensor, label: tf.Tensor, player: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = self._network(spectrogram, label, player, training=False)
        return images.coarse, images.refined


def load_held_out_pairs(
    batches: Iterable[Mapping[str, tf.Tensor]],
) -> tuple[HeldOutPairs, list[str]]:
    """All batches in memory, and the recording of each pair."""
    arrays = gather(batches)
    players = names_of(arrays["player"])
    held_out = HeldOutPairs(
        arrays["spectrogram"],
        arrays["label"],
        arrays["photo"],
        players if all(players) else (),
        arrays["player_index"],
    )
    return held_out, list(names_of(arrays["recording"]))


def gather(batches: Iterable[Mapping[str, tf.Tensor]]) -> dict[str, np.ndarray]:
    """All batches concatenated, one array per name."""
    columns: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        for name, value in batch.items():
            columns.setdefault(name, []).append(value.numpy())
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def names_of(column: np.ndarray) -> tuple[str, ...]:
    """An array of bytes, TensorFlow's strings, as text."""
    return tuple(name.decode() for name in column)
