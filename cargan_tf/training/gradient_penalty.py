"""R1: D's slope at real pictures is held down (Mescheder et al. 2018, "Which Training Methods for
GANs do actually Converge?", Eq. 9)."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def gradient_penalty(judge: Callable[[tf.Tensor], tf.Tensor], photo: tf.Tensor) -> tf.Tensor:
    """``½ ‖∂D/∂I‖²`` of each real picture, [B]; D is the mean of its patches, as in its loss.

    Where D has batch norm the slope is that of all pictures' scores together, on all replicas.

    Args:
        judge: pictures to D's logits [B, h, w, 1].
        photo: real pictures, [B, S, S, 3].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(photo)
        scores = tf.reduce_mean(judge(photo), axis=[1, 2, 3])
        total = tf.reduce_sum(scores)
    slope = tape.gradient(total, photo)
    return tf.reduce_sum(tf.square(slope), axis=[1, 2, 3]) / 2.0
