"""Self-attention over the places of a feature map (SAGAN: Zhang et al. 2019, Eq. 1 to 3)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import ModelConfig
from cargan_tf.models.attention_blocks import attend


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
        self.query = _convolution(max(1, channels // 8), self.init_stddev, "query")
        self.key = _convolution(max(1, channels // 8), self.init_stddev, "key")
        self.value = _convolution(max(1, channels // 2), self.init_stddev, "value")
        self.output_convolution = _convolution(channels, self.init_stddev, "output")
        for convolution in (self.query, self.key, self.value):
            convolution.build(input_shape)
        self.output_convolution.build((*input_shape[:-1], max(1, channels // 2)))
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Attend; shapes as in the class."""
        query = _places(self.query(features))  # [B, H·W, C / 8]
        key = _places(_pooled(self.key(features)))  # [B, H·W / 4, C / 8]
        value = _places(_pooled(self.value(features)))  # [B, H·W / 4, C / 2]
        height, width = features.shape[1:3]
        attended = tf.reshape(attend(query, key, value), [-1, height, width, value.shape[-1]])
        return features + self.gamma * self.output_convolution(attended)


class AuthorsAttention(keras.layers.Layer):
    """The attention of the authors' code: ``x + scrambled(softmax(q kᵀ) scrambled(v))``.

    Queries and keys have C / 4 channels, values C; there is neither γ nor an output convolution.
    Where places and channels should change places they are only renamed, so numbers of other
    places and channels are added to each. Their trained weights need it so.

    Input and output shape: [B, H, W, C], H and W even, C at least 4.
    """

    def __init__(self, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_stddev = init_stddev

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the three 1×1 convolutions for C channels."""
        channels = int(input_shape[-1] or 0)
        if channels < 4:
            raise ValueError(f"AuthorsAttention needs 4 channels or more; received {channels}")
        self.query = _convolution(channels // 4, self.init_stddev, "query")
        self.key = _convolution(channels // 4, self.init_stddev, "key")
        self.value = _convolution(channels, self.init_stddev, "value")
        for convolution in (self.query, self.key, self.value):
            convolution.build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Attend; shapes as in the class."""
        height, width, channels = features.shape[1:]
        query = _places(self.query(features))  # [B, H·W, C / 4]
        key = _places(_pooled(self.key(features)))  # [B, H·W / 4, C / 4]
        value = _pooled(self.value(features))  # [B, H / 2, W / 2, C]
        # The renaming is of PyTorch's memory, where channels come first: [B, C, H·W / 4] is read
        # as [B, H·W / 4, C], and the result [B, H·W, C] as [B, C, H, W].
        renamed = tf.reshape(tf.transpose(value, [0, 3, 1, 2]), [-1, key.shape[1], channels])
        attended = tf.reshape(attend(query, key, renamed), [-1, channels, height, width])
        return features + tf.transpose(attended, [0, 2, 3, 1])


def new_attention(config: ModelConfig) -> keras.layers.Layer:
    """The attention layer that ``config.attention`` names, which is not ``none``."""
    layer = AuthorsAttention if config.attention == "authors" else SelfAttention
    return layer(config.init_stddev)


def _convolution(filters: int, init_stddev: float, name: str) -> keras.layers.Conv2D:
    initializer = keras.initializers.RandomNormal(stddev=init_stddev)
    return keras.layers.Conv2D(filters, 1, kernel_initializer=initializer, name=name)


def _pooled(features: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(features, 2, 2, "VALID")


def _places(features: tf.Tensor) -> tf.Tensor:
    height, width, channels = features.shape[1:]
    return tf.reshape(features, [-1, height * width, channels])
