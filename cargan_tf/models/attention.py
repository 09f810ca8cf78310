"""Self-attention over the places of a feature map (SAGAN: Zhang et al. 2019, Eq. 1 to 3)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class SelfAttention(keras.layers.Layer):
    """Adds to each place what it finds at all others: ``x + γ · W_o softmax(q kᵀ) v``.

    Queries and keys have C / 8 channels, values C / 2; keys and values are max-pooled 2×2, as in
    SAGAN's own code. γ is learned and starts at 0, so a fresh layer passes its input through.

    Input and output shape: [B, H, W, C], H and W even.
    """

    def __init__(self, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_stddev = init_stddev

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the four 1×1 convolutions and γ for C channels."""
        channels = int(input_shape[-1] or 0)
        self.query = self._convolution(max(1, channels // 8), "query")
        self.key = self._convolution(max(1, channels // 8), "key")
        self.value = self._convolution(max(1, channels // 2), "value")
        self.output_convolution = self._convolution(channels, "output")
        for convolution in (self.query, self.key, self.value):
            convolution.build(input_shape)
        self.output_convolution.build((*input_shape[:-1], max(1, channels // 2)))
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Attend; shapes as in the class."""
        query = _places(self.query(features))  # [B, H·W, C / 8]
        key = _places(_pooled(self.key(features)))  # [B, H·W / 4, C / 8]
        value = _places(_pooled(self.value(features)))  # [B, H·W / 4, C / 2]
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))  # [B, H·W, H·W / 4]
        height, width = features.shape[1:3]
        attended = tf.reshape(tf.matmul(weights, value), [-1, height, width, value.shape[-1]])
        return features + self.gamma * self.output_convolution(attended)

    def _convolution(self, filters: int, name: str) -> keras.layers.Conv2D:
        initializer = keras.initializers.RandomNormal(stddev=self.init_stddev)
        return keras.layers.Conv2D(filters, 1, kernel_initializer=initializer, name=name)


def _pooled(features: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(features, 2, 2, "VALID")


def _places(features: tf.Tensor) -> tf.Tensor:
    height, width, channels = features.shape[1:]
    return tf.reshape(features, [-1, height * width, channels])
