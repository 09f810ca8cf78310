"""Pitch and loudness between sound and image (ours, ``model.pose``): G1's encoder reads them, and
the decoders of both generators draw by them.

In training the decoders are given the true values, so they learn one image for one pose and need
not blur what the encoder does not know yet; the encoder learns to read them by a loss of its own.
"""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.models.base import FLOAT32_LAYER, CompositeLayer, to_float32

#: MIDI key of middle C and keys in an octave; dB of full scale of a loud clip, and a usual range.
MIDDLE_C, OCTAVE, LOUD_DB, RANGE_DB = 60.0, 12.0, -20.0, 12.0
#: Where the embedding has its knots: each quarter of an octave from C1 to C8, and each 3 dB from
#: -68 to -8. Beyond, the pose is that of the last knot.
PITCH_KNOTS: Final = np.linspace(-3, 4, 29, dtype=np.float32)
LOUDNESS_KNOTS: Final = np.linspace(-4, 1, 21, dtype=np.float32)
#: Units of the reading's and the embedding's hidden layers.
_UNITS: Final = 256


def true_pose(midi: tf.Tensor, rms_db: tf.Tensor) -> tf.Tensor:
    """What the data says, [B, 2]: octaves above middle C, and loudness in units of ``RANGE_DB``
    above ``LOUD_DB``; NaN where it does not say.

    Args:
        midi: key of each clip, [B].
        rms_db: loudness of each clip, [B].
    """
    return tf.stack([(midi - MIDDLE_C) / OCTAVE, (rms_db - LOUD_DB) / RANGE_DB], axis=1)


class PoseHead(CompositeLayer):
    """Reads the pose from the code of G1's bottleneck: [B, h, w, C] to [B, 2], as ``true_pose``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.hidden = _dense(_UNITS, "hidden")
        self.to_pose = keras.layers.Dense(2, dtype="float32", name="to_pose")

    def call(self, code: tf.Tensor) -> tf.Tensor:
        """Read; shapes as in the class."""
        return self.to_pose(self.hidden(tf.reduce_mean(to_float32(code), axis=[1, 2])))


class PoseEmbedding(CompositeLayer):
    """The pose as features that a decoder can draw by: [B, 2] and [B, N] to [B, 256].

    Pitch and loudness are encoded piecewise linearly (Gorishniy et al. 2022, arXiv:2203.05556),
    each knot a feature, because limb positions are not linear in pitch or loudness.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.hidden = _dense(_UNITS, "hidden")
        self.embedding = _dense(_UNITS, "embedding")

    def call(self, pose: tf.Tensor, who: tf.Tensor) -> tf.Tensor:
        """Embed.

        Args:
            pose: as ``true_pose``, without NaN.
            who: label and player, each one-hot.
        """
        pitch, loudness = pose[:, :1], pose[:, 1:]
        features = [_at_knots(pitch, PITCH_KNOTS), _at_knots(loudness, LOUDNESS_KNOTS), who]
        return self.embedding(self.hidden(tf.concat(features, axis=1)))


def _dense(units: int, name: str) -> keras.layers.Dense:
    # By their names ``--init-from`` tells two layers of one kind in one place apart.
    return keras.layers.Dense(units, activation="relu", dtype="float32", name=name)


def _at_knots(values: tf.Tensor, knots: np.ndarray) -> tf.Tensor:
    """[B, 1] to [B, knots]: 1 at a knot, falling to 0 at its neighbors; each row sums to 1."""
    values = tf.clip_by_value(values, knots[0], knots[-1])
    return tf.nn.relu(1.0 - tf.abs(values - knots) / (knots[1] - knots[0]))
