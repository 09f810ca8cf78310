"""From a log-mel spectrogram in dB to the square picture of the sound that the networks see."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.audio.jet_graph import to_jet_picture
from cargan_tf.audio.statistics import BandStatistics
from cargan_tf.config import Config


def sound_picture(log_mel: tf.Tensor, statistics: BandStatistics, config: Config) -> tf.Tensor:
    """What the configured networks see of a sound.

    Args:
        log_mel: [B, n_mels, frames], as ``config.audio`` scales it.
        statistics: of the training data; the jet picture goes without.
        config: picture size, and which of the two ``model.spectrogram`` names.

    Returns:
        [B, size, size, 1], see ``to_spectrogram``, or [B, size, size, 3], see ``to_jet_picture``.
    """
    size = config.data.image_size
    if config.model.spectrogram == "jet":
        return to_jet_picture(log_mel, size)
    return to_spectrogram(log_mel, statistics, config.audio.clip_spreads, size)


def to_spectrogram(
    log_mel: tf.Tensor, statistics: BandStatistics, clip_spreads: float, size: int
) -> tf.Tensor:
    """Standardise each mel band, scale to [-1, 1] and resize.

    Args:
        log_mel: [B, n_mels, frames] in dB.
        statistics: mean and spread in dB of each mel band over the training data.
        clip_spreads: spreads from the mean that reach -1 and 1; what lies beyond is clipped.
        size: pixels a side.

    Returns:
        [B, size, size, 1] float32 in [-1, 1]. Rows are mel bands, row 0 the lowest (drawn as a
        picture, low notes are at the top); columns are time from left to right.

    Raises:
        ValueError: the number of mel bands differs from that of ``statistics``, or
            ``clip_spreads`` is not positive.
    """
    log_mel = tf.cast(log_mel, tf.float32)
    bands = len(statistics.mean)
    if not log_mel.shape[-2:-1].is_compatible_with([bands]):
        raise ValueError(f"log_mel must be [B, {bands}, frames], received shape {log_mel.shape}")
    if clip_spreads <= 0:
        raise ValueError(f"clip_spreads must be positive, received {clip_spreads}")
    mean = tf.constant(statistics.mean, tf.float32, shape=(1, bands, 1))
    reach = clip_spreads * tf.constant(statistics.spread, tf.float32, shape=(1, bands, 1))
    scaled = tf.clip_by_value((log_mel - mean) / reach, -1.0, 1.0)
    pictures = scaled[..., tf.newaxis]  # [B, n_mels, frames, 1]
    if pictures.shape[1:3] != (size, size):
        # antialias: where bands or frames outnumber pixels, each of them still counts.
        pictures = tf.image.resize(pictures, (size, size), method="bilinear", antialias=True)
        pictures = tf.clip_by_value(pictures, -1.0, 1.0)  # weights sum to 1 but for round-off
    return tf.ensure_shape(pictures, (None, size, size, 1))
