"""The mean photo of each class: what a network that knows the label alone would draw at best."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.pipeline import evaluation_batches
from cargan_tf.files import write_atomically
from cargan_tf.training.run import Run

Floats = NDArray[np.float32]

#: Photos at a time; only memory depends on it.
_BATCH = 64


def class_means(run: Run, dataset: DatasetInfo, data: Path, config: Config) -> Floats:
    """The mean training photo of each class, [K, S, S, 3] in [-1, 1].

    Kept in the run once computed; a file that is damaged is written anew.

    Raises:
        UserError: the data set has no training photo.
    """
    try:
        kept: Floats = np.load(run.class_means, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        kept = class_mean_photos(evaluation_batches(dataset, data, config, "train", _BATCH))
        content = io.BytesIO()
        np.save(content, kept)
        write_atomically(run.class_means, content.getvalue())
    return kept


def class_mean_photos(batches: Iterable[Mapping[str, tf.Tensor]]) -> Floats:
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
