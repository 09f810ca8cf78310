"""Fit and store a classifier: shared by C, the evaluator and the sound classifier."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf
from pydantic import TypeAdapter

from cargan_tf.errors import UserError
from cargan_tf.utils.files import read_regular, write_atomically
from cargan_tf.utils.progress import Task

Report = TypeVar("Report")
#: A report names metrics and settings.
_MAX_REPORT_BYTES: Final = 2**22
#: The paper's ResNet50 has 94 MB.
_MAX_WEIGHT_BYTES: Final = 2**30


def read_report_file(file: Path, kind: type[Report]) -> Report:
    """The report that was written as ``dataclasses.asdict`` gives it, each value of its type.

    Args:
        file: JSON.
        kind: the report's dataclass.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another version.
    """
    return TypeAdapter(kind).validate_json(read_regular(file, _MAX_REPORT_BYTES))


def save_weights(network: keras.Model, file: Path) -> None:
    """All variables in the order in which they were made."""
    content = io.BytesIO()
    np.savez(content, *(variable.numpy() for variable in network.variables))
    write_atomically(file, content.getvalue())


def load_weights(network: keras.Model, file: Path, remedy: str) -> None:
    """The inverse, for a network with built weights; all of them or none.

    Raises:
        UserError: the file is missing, damaged or of another network; ends in ``remedy``.
        ValueError: the network was never called.
    """
    if not network.variables:
        raise ValueError(f"{network.name} has no variables yet: call it once before")
    try:
        content = io.BytesIO(read_regular(file, _MAX_WEIGHT_BYTES))
        with np.load(content, allow_pickle=False) as arrays:
            values = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
        pairs = list(zip(network.variables, values, strict=True))
        for variable, value in pairs:
            if value.shape != tuple(variable.shape):
                raise ValueError(f"{variable.path} of shape {value.shape}")
    # A damaged shape may ask for any memory.
    except (OSError, EOFError, ValueError, KeyError, TypeError, MemoryError, BadZipFile) as error:
        raise UserError(f"{file} is damaged; {remedy}.") from error
    for variable, value in pairs:
        variable.assign(value)


def fit_classifier(
    network: keras.Model,
    batches: tf.data.Dataset,
    feature: str,
    learning_rate: float,
    steps: int,
    epoch: int,
    task: Task,
    augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> None:
    """Minimise the cross-entropy by Adam, its rate falling to 0 along a cosine.

    Args:
        network: [B, ...] to logits [B, K], with built weights.
        batches: at least ``steps`` of them, with ``feature`` and a one-hot ``label``.
        feature: what the network sees of a batch.
        learning_rate: at the start.
        steps: batches to learn from.
        epoch: steps between reports of the accuracy over them.
        task: advanced at each step.
        augment: makes what the network sees, of the feature [B, ...] and the step's number.
    """
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)
    accuracy = keras.metrics.CategoricalAccuracy()

    @tf.function(autograph=False)
    def step(seen: tf.Tensor, label: tf.Tensor, number: tf.Tensor) -> None:
        if augment is not None:
            seen = augment(seen, number)
        with tf.GradientTape() as tape:
            logits = network(seen, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(label, logits))
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        accuracy.update_state(label, logits)

    for index, batch in enumerate(batches.take(steps)):
        step(batch[feature], batch["label"], tf.constant(index))
        _advance(task, index + 1, epoch, accuracy)


def correct_predictions(network: keras.Model, batches: tf.data.Dataset, feature: str) -> np.ndarray:
    """[N] bool: which of the batches' examples get their own label."""
    return np.concatenate(
        [
            np.argmax(network(batch[feature]), axis=1) == np.argmax(batch["label"], axis=1)
            for batch in batches
        ]
    )


def _advance(task: Task, done: int, epoch: int, accuracy: keras.metrics.Metric) -> None:
    if done % epoch:
        task.advance()
        return
    task.advance(note=f"training accuracy {float(accuracy.result()):.3f}")
    accuracy.reset_state()
