"""Self-attention on feature maps (SAGAN: Zhang et al. 2019, Eq. 1 to 3).

Large attention maps are computed in blocks of queries and never held whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import ModelConfig
from cargan_tf.models.base import to_float32
from cargan_tf.utils.portable_ops import wants_portable_ops

#: Queries × keys of one image above which blocks are used. Below, they save little memory and the
#: loop costs time (docs/explanation/performance.md).
WHOLE_MAP_LIMIT = 2**20
#: Queries per block: 256 to 1024 are about equally fast, fewer are slower
#: (docs/explanation/performance.md).
BLOCK_QUERIES = 256

Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """``softmax(q kᵀ) v``: [B, N, D], [B, M, D] and [B, M, C] to [B, N, C].

    B may be unknown. Large maps are computed in blocks, equal within round-off.
    """
    if query.shape[1] * key.shape[1] <= WHOLE_MAP_LIMIT:
        return attend_at_once(query, key, value)
    if wants_portable_ops():  # neither a loop nor a gradient
        blocks = tf.split(query, _block_count(query.shape[1]), axis=1)
        return tf.concat([attend_at_once(block, key, value) for block in blocks], axis=1)
    return attend_in_blocks(query, key, value)


def attend_at_once(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """``attend`` with the whole map, [B, N, M], which is kept for the gradient."""
    return tf.matmul(_weights(query, key), value)


@tf.custom_gradient
def attend_in_blocks(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """``attend`` in blocks of ``BLOCK_QUERIES``; the gradient recomputes each block's map.

    Nothing of size N × M is allocated (Rabe and Staats 2021, "Self-attention does not need O(n²)
    memory"). Each query attends to all keys at once, so nothing is approximated.
    """
    queries = _split(query)  # [N / block, B, block, D]
    results = tf.map_fn(
        lambda block: attend_at_once(block, key, value),
        queries,
        fn_output_signature=query.dtype,
        parallel_iterations=1,
    )

    def gradient(upstream: tf.Tensor) -> Gradients:
        upstreams = _split(upstream)  # [N / block, B, block, C]
        # The softmax gradient's term Σ_m P_nm dP_nm, without a map: it equals the sum over channels
        # of result times upstream.
        correction = tf.reduce_sum(results * upstreams, axis=-1, keepdims=True)

        def one_block(
            index: tf.Tensor,
            query_gradients: tf.TensorArray,
            key_gradient: tf.Tensor,
            value_gradient: tf.Tensor,
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor, tf.Tensor]:
            weights = _weights(queries[index], key)  # [B, block, M]
            logit_gradients = weights * (
                tf.matmul(upstreams[index], value, transpose_b=True) - correction[index]
            )
            return (
                index + 1,
                query_gradients.write(index, tf.matmul(logit_gradients, key)),
                key_gradient + tf.matmul(logit_gradients, queries[index], transpose_a=True),
                value_gradient + tf.matmul(weights, upstreams[index], transpose_a=True),
            )

        count, *block_shape = queries.shape
        gradients = tf.TensorArray(query.dtype, count, element_shape=block_shape)
        _, query_gradients, key_gradient, value_gradient = tf.while_loop(
            lambda index, *_: index < count,
            one_block,
            [0, gradients, tf.zeros_like(key), tf.zeros_like(value)],
            parallel_iterations=1,
        )
        return _joined(query_gradients.stack()), key_gradient, value_gradient

    return _joined(results), gradient


def _weights(query: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax(tf.matmul(query, key, transpose_b=True))


def _split(positions: tf.Tensor) -> tf.Tensor:
    """[B, N, C] to [N / block, B, block, C]; the block size divides N."""
    count, channels = positions.shape[1:]
    number = _block_count(count)
    blocks = tf.reshape(positions, [-1, number, count // number, channels])
    return tf.transpose(blocks, [1, 0, 2, 3])


def _block_count(positions: int) -> int:
    return positions // math.gcd(positions, BLOCK_QUERIES)


def _joined(blocks: tf.Tensor) -> tf.Tensor:
    """The inverse of ``_split``."""
    count, _, block, channels = blocks.shape
    return tf.reshape(tf.transpose(blocks, [1, 0, 2, 3]), [-1, count * block, channels])


class SelfAttention(keras.layers.Layer):
    """Each position attends to a 2×2 max-pooled map: ``x + γ · W_o softmax(q kᵀ) v``.

    Queries and keys have C / 8 channels, values C / 2, as in SAGAN's code. γ is learned and
    initialized to 0, so that a new layer is the identity.

    Input and output shape: [B, H, W, C], H and W even.
    """

    def __init__(self, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_stddev = init_stddev

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the four 1×1 convolutions and γ for C channels."""
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
        height, width = features.shape[1:3]
        query, key, value = _query_key_value(self, features)
        attended = _attended(query, key, value)  # [B, H·W, C / 2]
        attended = tf.reshape(attended, [-1, height, width, value.shape[-1]])
        # γ scales the output convolution's weights, which are fewer than its outputs.
        return features + _convolved(attended, [self.output_convolution], self.gamma.value)


class ReferenceAttention(keras.layers.Layer):
    """Attention as in the authors' code: ``x + reshape(softmax(q kᵀ) reshape(v))``.

    Queries and keys have C / 4 channels, values C; there is neither γ nor an output convolution. It
    reshapes where it should transpose, which mixes positions and channels; their trained weights
    depend on it.

    Input and output shape: [B, H, W, C], H and W even, C at least 4.
    """

    def __init__(self, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_stddev = init_stddev

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the three 1×1 convolutions for C channels."""
        channels = int(input_shape[-1] or 0)
        if channels < 4:
            raise ValueError(f"ReferenceAttention needs 4 channels or more; received {channels}")
        self.query = _convolution(channels // 4, self.init_stddev, "query")
        self.key = _convolution(channels // 4, self.init_stddev, "key")
        self.value = _convolution(channels, self.init_stddev, "value")
        for convolution in (self.query, self.key, self.value):
            convolution.build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Attend; shapes as in the class."""
        height, width, channels = features.shape[1:]
        query, key, value = _query_key_value(self, features)
        # The reshapes are in PyTorch's memory order, channels first: [B, C, H·W / 4] is read as
        # [B, H·W / 4, C], and the result [B, H·W, C] as [B, C, H, W].
        reshaped = tf.reshape(tf.transpose(value, [0, 2, 1]), [-1, key.shape[1], channels])
        attended = tf.reshape(_attended(query, key, reshaped), [-1, channels, height, width])
        return features + tf.transpose(attended, [0, 2, 3, 1])


def new_attention(config: ModelConfig) -> keras.layers.Layer:
    """The attention layer of ``config.attention``, which must not be ``none``."""
    layer = ReferenceAttention if config.attention == "authors" else SelfAttention
    return layer(config.init_stddev)


def _convolution(filters: int, init_stddev: float, name: str) -> keras.layers.Conv2D:
    initializer = keras.initializers.RandomNormal(stddev=init_stddev)
    return keras.layers.Conv2D(filters, 1, kernel_initializer=initializer, name=name)


def _query_key_value(
    layer: SelfAttention | ReferenceAttention, features: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """[B, H, W, C] to queries [B, H·W, D], keys [B, H·W / 4, D] and values [B, H·W / 4, ·]."""
    narrow, wide = layer.query.filters, layer.value.filters
    convolved = _convolved(features, [layer.query, layer.key, layer.value])
    query, rest = tf.split(convolved, [narrow, narrow + wide], axis=-1)
    pooled = tf.nn.max_pool2d(rest, 2, 2, "VALID")
    key, value = tf.split(_flatten_spatial(pooled), [narrow, wide], axis=-1)
    return _flatten_spatial(query), key, value


def _convolved(
    features: tf.Tensor, convolutions: list[keras.layers.Conv2D], scale: tf.Tensor | float = 1.0
) -> tf.Tensor:
    """Several 1×1 convolutions of [B, H, W, C], concatenated: [B, H, W, sum of filters].

    One matrix product; separate convolutions with so few filters take up to twice as long
    (docs/explanation/performance.md).
    """
    kernel = scale * tf.concat([layer.kernel.value[0, 0] for layer in convolutions], axis=-1)
    bias = scale * tf.concat([layer.bias.value for layer in convolutions], axis=-1)
    height, width, channels = features.shape[1:]
    product = tf.matmul(tf.reshape(features, [-1, channels]), kernel)
    return tf.reshape(tf.nn.bias_add(product, bias), [-1, height, width, bias.shape[0]])


def _attended(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """``attend`` in float32: the softmax is over thousands of positions, and half width is not
    faster."""
    return tf.cast(attend(to_float32(query), to_float32(key), to_float32(value)), value.dtype)


def _flatten_spatial(features: tf.Tensor) -> tf.Tensor:
    height, width, channels = features.shape[1:]
    return tf.reshape(features, [-1, height * width, channels])
