"""Refusing input inside a graph: a server answers INVALID_ARGUMENT with the message."""

from __future__ import annotations

import tensorflow as tf


def assert_in_graph(value: tf.Tensor, condition: tf.Tensor, message: str | tf.Tensor) -> tf.Tensor:
    """``value``, once ``condition`` holds; to be called in a ``tf.function``.

    Whatever is computed from the result waits for the check, so that this message is what is
    told, and not what some later operation makes of the fault.

    Args:
        value: any tensor.
        condition: scalar bool.
        message: what was received and what was expected. TensorFlow escapes quotes in it.

    Raises:
        InvalidArgumentError: when run, ``condition`` does not hold.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)
