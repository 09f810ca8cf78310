"""Input validation inside a graph; a server answers INVALID_ARGUMENT with the message."""

from __future__ import annotations

import tensorflow as tf


def assert_in_graph(value: tf.Tensor, condition: tf.Tensor, message: str | tf.Tensor) -> tf.Tensor:
    """``value`` if ``condition`` holds; call it in a ``tf.function``.

    Operations on the result wait for the check, so the client sees this message and not a later
    operation's.

    Args:
        value: any tensor.
        condition: scalar bool.
        message: what was received and what was expected. TensorFlow escapes quotes in it.

    Raises:
        InvalidArgumentError: at run time, if ``condition`` does not hold.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)
