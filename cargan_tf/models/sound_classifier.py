"""The sound classifier, which recognizes the instrument of half a second (not in the paper).

A log-mel in, one logit per label out, and one for sounds of none of the labels. It has its own
log-mel, the same for all configurations, normalized clip by clip: level, microphone and room must
not decide.
"""

from __future__ import annotations

from typing import Any, Final

import keras
import tensorflow as tf

from cargan_tf.audio.log_mel import sound_classifier_audio
from cargan_tf.audio.log_mel_graph import resize_antialiased
from cargan_tf.config import Config
from cargan_tf.models.base import CompositeLayer
from cargan_tf.models.layers import BatchNorm

#: What lies further below a clip's loudest value is treated as silence.
RANGE_DB: Final = 70.0
#: Standard deviation of silence in dB, so that normalizing it does not divide by 0.
MIN_STD: Final = 1.0
#: Channels of the blocks in widths; each has two convolutions and is pooled by 2.
BLOCKS: Final = (1, 2, 3, 4)
#: Larger log-mels, of sources that have spectrograms only, are resized.
MAX_FRAMES: Final = 44
DROPOUT: Final = 0.4


class SoundClassifier(CompositeLayer, keras.Model):
    """Four blocks of convolutions, mean and maximum over time, one dense layer.

    Input shape: [B, n_mels, frames], a log-mel in dB, or in [0, 1] with ``log_mel_scale: clip``.
    Output shape: [B, K + 1], logits; the last is of sounds of none of the K labels.
    """

    def __init__(self, config: Config, label_count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.range = RANGE_DB if config.audio.log_mel_scale == "decibels" else 1.0
        self.minimum_std = MIN_STD * self.range / RANGE_DB
        width = config.sound_classifier.width
        self.first = _Convolution(width, (5, 3), (1, 2))
        self.pairs = [
            [_Convolution(widths * width), _Convolution(widths * width)] for widths in BLOCKS
        ]
        self.dropout = keras.layers.Dropout(DROPOUT)
        self.to_logits = keras.layers.Dense(label_count + 1)

    def call(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of each label and of none."""
        features = self.first(self._normalized(log_mel), training=training)
        for first, second in self.pairs:
            features = second(first(features, training=training), training=training)
            pool = [min(2, size) for size in features.shape[1:3]]
            features = tf.nn.max_pool2d(features, pool, pool, "SAME")
        over_time = [tf.reduce_mean(features, axis=2), tf.reduce_max(features, axis=2)]
        features = tf.concat(over_time, axis=-1)  # [B, bands, channels]
        features = tf.reshape(features, [-1, features.shape[1] * features.shape[2]])
        return self.to_logits(self.dropout(features, training=training))

    def _normalized(self, log_mel: tf.Tensor) -> tf.Tensor:
        """[B, n_mels, frames, 1], each clip of mean 0 and standard deviation 1."""
        top = tf.reduce_max(log_mel, axis=[1, 2], keepdims=True)
        limited = tf.maximum(log_mel, top - self.range)
        mean, variance = tf.nn.moments(limited, axes=[1, 2], keepdims=True)
        normalized = ((limited - mean) / (tf.sqrt(variance) + self.minimum_std))[..., tf.newaxis]
        if normalized.shape[2] > MAX_FRAMES:
            size = (normalized.shape[1], MAX_FRAMES)
            normalized = resize_antialiased(normalized, size)
        return normalized


class _Convolution(CompositeLayer):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, channels: int, kernel: tuple[int, int] = (3, 3), strides: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        self.convolution = keras.layers.Conv2D(
            channels,
            kernel,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )
        self.norm = BatchNorm()

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, C] to [B, H', W', channels]."""
        return tf.nn.relu(self.norm(self.convolution(features), training=training))


def new_sound_classifier(config: Config, label_count: int) -> SoundClassifier:
    """The network with initial weights."""
    audio = sound_classifier_audio(config)
    network = SoundClassifier(config, label_count, name="sound_classifier")
    network(tf.zeros([1, audio.n_mels, audio.frames]))
    return network
