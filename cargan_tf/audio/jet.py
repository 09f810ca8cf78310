"""The authors' picture of a sound: the log-mel of a clip in the jet colours, as in their PNGs."""

from __future__ import annotations

from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

LEVELS: Final = 256
"""Colours of matplotlib's map."""

PNG_SIZE: Final = 256
"""Pixels a side of the authors' PNGs, whatever size their networks then read them at."""

#: Where each channel of matplotlib's jet bends: (place in [0, 1], brightness).
_RED = ((0, 0), (0.35, 0), (0.66, 1), (0.89, 1), (1, 0.5))
_GREEN = ((0, 0), (0.125, 0), (0.375, 1), (0.64, 1), (0.91, 0), (1, 0))
_BLUE = ((0, 0.5), (0.11, 1), (0.34, 1), (0.65, 0), (1, 0))


def jet_colours() -> NDArray[np.float64]:
    """The colour map: [256, 3], red, green and blue in [0, 1]."""
    places = np.linspace(0.0, 1.0, LEVELS)
    bends = [np.array(channel, np.float64) for channel in (_RED, _GREEN, _BLUE)]
    return np.stack([np.interp(places, bend[:, 0], bend[:, 1]) for bend in bends], axis=1)


def to_jet_picture(log_mel: tf.Tensor, size: int) -> tf.Tensor:
    """Stretch each clip from its lowest to its highest value, colour it and resize the colours.

    Args:
        log_mel: [B, n_mels, frames] in dB.
        size: pixels a side.

    Returns:
        [B, size, size, 3] float32 in [-1, 1]. Rows are time, downwards; columns are mel bands.
    """
    log_mel = tf.cast(log_mel, tf.float32)
    lowest = tf.reduce_min(log_mel, [1, 2], keepdims=True)
    highest = tf.reduce_max(log_mel, [1, 2], keepdims=True)
    stretched = tf.math.divide_no_nan(log_mel - lowest, highest - lowest)
    levels = tf.cast(tf.round(stretched * (LEVELS - 1)), tf.int32)
    colours = tf.constant(np.floor(jet_colours() * 255.0), tf.float32)
    pictures = tf.gather(colours, tf.transpose(levels, [0, 2, 1]))  # [B, frames, n_mels, 3]
    # Pixels have eight bits in a PNG; the networks' own size is read from it.
    pictures = _resized(pictures, PNG_SIZE)
    pictures = pictures if size == PNG_SIZE else _resized(pictures, size)
    return tf.ensure_shape(pictures / 127.5 - 1.0, (None, size, size, 3))


def _resized(pictures: tf.Tensor, size: int) -> tf.Tensor:
    resized = tf.image.resize(pictures, (size, size), method="bicubic", antialias=True)
    return tf.round(tf.clip_by_value(resized, 0.0, 255.0))
