"""The authors' picture of a sound by stock TensorFlow ops: a log-mel in the jet colours."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.audio.jet import LEVELS, PICTURE_SIZE, jet_colours


def to_jet_picture(log_mel: tf.Tensor, size: int) -> tf.Tensor:
    """Colour each value, enlarge the colours to the authors' PNG, and read that at ``size``.

    Args:
        log_mel: [B, n_mels, frames] in [0, 1], each clip scaled by its own range.
        size: pixels a side.

    Returns:
        [B, size, size, 3] float32 in [-1, 1]. Rows are time, downwards; columns are mel bands.
    """
    values = tf.transpose(tf.cast(log_mel, tf.float32), [0, 2, 1])
    levels = tf.clip_by_value(tf.cast(values * LEVELS, tf.int32), 0, LEVELS - 1)
    pictures = tf.gather(tf.constant(jet_colours(), tf.float32), levels)  # [B, frames, n_mels, 3]
    pictures = _resized(pictures, PICTURE_SIZE)
    if size != PICTURE_SIZE:
        pictures = _resized(pictures, size)
    return tf.ensure_shape(pictures / 127.5 - 1.0, (None, size, size, 3))


def _resized(pictures: tf.Tensor, size: int) -> tf.Tensor:
    """By Pillow's bicubic filter, to whole steps of 255 as a picture file holds them."""
    resized = tf.image.resize(pictures, (size, size), method="bicubic", antialias=True)
    return tf.round(tf.clip_by_value(resized, 0.0, 255.0))
