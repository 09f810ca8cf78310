"""The sound classifier, which recognizes the instrument: a small CNN (not in the paper)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.base import CompositeLayer
from cargan_tf.models.layers.batch_norm import BatchNorm

#: Rows and columns it looks at, at most: enough to distinguish instruments, and as cheap for
#: images of 256 pixels as for those of 64.
SIZE = 64
#: Channels in widths, kernel, and stride in bands and in time, of each convolution. The first is
#: coarse in time: instruments differ in which bands sound together.
CONVOLUTIONS = ((1, 5, (2, 4)), (2, 5, (2, 2)), (4, 3, (2, 2)), (4, 3, (2, 2)))
DROPOUT = 0.1


class SoundClassifier(CompositeLayer, keras.Model):
    """Convolutions, the mean over time, one dense layer.

    Input shape: [B, S, S, C], what the generators see of the sound. Output shape: [B, K], logits.
    """

    def __init__(self, config: Config, label_count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time_is_downwards = config.model.spectrogram == "jet"
        self.convolutions = [
            keras.layers.Conv2D(
                widths * config.sound_classifier.width,
                kernel,
                strides=strides,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )
            for widths, kernel, strides in CONVOLUTIONS
        ]
        self.norms = [BatchNorm() for _ in CONVOLUTIONS]
        self.dropout = keras.layers.Dropout(DROPOUT)
        self.to_logits = keras.layers.Dense(label_count)

    def call(self, spectrogram: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of each label."""
        features = spectrogram
        if self.time_is_downwards:
            features = tf.transpose(features, [0, 2, 1, 3])
        if features.shape[1] > SIZE:
            features = tf.image.resize(features, (SIZE, SIZE), antialias=True)
        # A louder clip is brighter all over. Without this, clips made 10 dB softer than they were
        # are named right in 63 % instead of 93 % (docs/explanation/results.md).
        features -= tf.reduce_mean(features, axis=[1, 2, 3], keepdims=True)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features = tf.nn.relu(norm(convolution(features), training=training))
        features = tf.reduce_mean(features, axis=2)  # over time: [B, bands, channels]
        features = tf.reshape(features, [-1, features.shape[1] * features.shape[2]])
        return self.to_logits(self.dropout(features, training=training))


def new_sound_classifier(config: Config, label_count: int) -> SoundClassifier:
    """The network with its weights made."""
    network = SoundClassifier(config, label_count, name="sound_classifier")
    size = config.data.image_size
    network(tf.zeros([1, size, size, config.model.spectrogram_channels]))
    return network
