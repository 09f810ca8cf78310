"""What the classifiers of pictures and of sounds and the judge share: fitting and judging."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.progress import Task


def fit(
    network: keras.Model,
    batches: tf.data.Dataset,
    feature: str,
    learning_rate: float,
    steps: int,
    epoch: int,
    task: Task,
    changed: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> None:
    """Minimise the cross-entropy by Adam, its rate falling to 0 along a cosine.

    Args:
        network: [B, ...] to logits [B, K]; its weights are made.
        batches: at least ``steps`` of them, with ``feature`` and a one-hot ``label``.
        feature: what the network sees of a batch.
        learning_rate: at the start.
        steps: batches to learn from.
        epoch: steps after which the accuracy of the last so many is told.
        task: advanced at each step.
        changed: makes what the network sees, of the feature [B, ...] and the step's number.
    """
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)
    accuracy = keras.metrics.CategoricalAccuracy()

    @tf.function
    def step(seen: tf.Tensor, label: tf.Tensor, number: tf.Tensor) -> None:
        if changed is not None:
            seen = changed(seen, number)
        with tf.GradientTape() as tape:
            logits = network(seen, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(label, logits))
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        accuracy.update_state(label, logits)

    for index, batch in enumerate(batches.take(steps)):
        step(batch[feature], batch["label"], tf.constant(index))
        _advance(task, index + 1, epoch, accuracy)


def hits(network: keras.Model, batches: tf.data.Dataset, feature: str) -> np.ndarray:
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
    task.advance(note=f"epoch {done // epoch}, training accuracy {float(accuracy.result()):.3f}")
    accuracy.reset_state()
