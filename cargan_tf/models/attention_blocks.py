"""``softmax(q kᵀ) v``, at once or in blocks of queries that never hold the whole map."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

#: Queries × keys of one picture above which blocks are taken. Below it they save little memory and
#: some time is lost in the loop (docs/performance.md).
WHOLE_MAP_LIMIT = 2**20
#: Queries at a time: 256 to 1024 are about equally fast, fewer are slower (docs/performance.md).
BLOCK_QUERIES = 256

Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """``softmax(q kᵀ) v``: [B, N, D], [B, M, D] and [B, M, C] to [B, N, C].

    B may be unknown. Large maps are computed in blocks, equal within round-off.
    """
    large = query.shape[1] * key.shape[1] > WHOLE_MAP_LIMIT
    return (attend_in_blocks if large else attend_at_once)(query, key, value)


def attend_at_once(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """``attend`` with the whole map, [B, N, M], which is also kept for the gradient."""
    return tf.matmul(_weights(query, key), value)


@tf.custom_gradient
def attend_in_blocks(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """``attend`` by ``BLOCK_QUERIES`` at a time; the gradient computes each block's map anew.

    Nothing of size N × M exists at any time (Rabe and Staats 2021, "Self-attention does not need
    O(n²) memory"). Each query still sees all its keys at once, so nothing is approximated.
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
        # What the softmax takes off each query's slopes, Σ_m P_nm dP_nm, without a map: the same
        # sum over channels of result and upstream.
        shared = tf.reduce_sum(results * upstreams, axis=-1, keepdims=True)

        def one_block(
            index: tf.Tensor,
            query_gradients: tf.TensorArray,
            key_gradient: tf.Tensor,
            value_gradient: tf.Tensor,
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor, tf.Tensor]:
            weights = _weights(queries[index], key)  # [B, block, M]
            slopes = weights * (
                tf.matmul(upstreams[index], value, transpose_b=True) - shared[index]
            )
            return (
                index + 1,
                query_gradients.write(index, tf.matmul(slopes, key)),
                key_gradient + tf.matmul(slopes, queries[index], transpose_a=True),
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


def _split(places: tf.Tensor) -> tf.Tensor:
    """[B, N, C] to [N / block, B, block, C]; blocks are smaller where they would not fit evenly."""
    count, channels = places.shape[1:]
    block = math.gcd(count, BLOCK_QUERIES)
    blocks = tf.reshape(places, [-1, count // block, block, channels])
    return tf.transpose(blocks, [1, 0, 2, 3])


def _joined(blocks: tf.Tensor) -> tf.Tensor:
    """The inverse of ``_split``."""
    count, _, block, channels = blocks.shape
    return tf.reshape(tf.transpose(blocks, [1, 0, 2, 3]), [-1, count * block, channels])
