"""Convolutions: the U-Net's 4×4 ones of stride 2, spectrally normalized ones, and leaky ReLU.

On small maps the U-Net's convolutions are computed as matrix products, which is faster
(docs/explanation/performance.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.models.base import to_float32
from cargan_tf.utils.portable_ops import wants_portable_ops

#: pix2pix's slope below 0.
SLOPE = 0.2


Gradients = tuple[tf.Tensor, tf.Tensor]
#: Positions of the smaller map, over the batch, up to which a matrix product is faster.
MAX_POSITIONS_DOWN = 64
MAX_POSITIONS_UP = 256
#: Filters up to which its forward pass is faster on maps of any size.
FEW_FILTERS = 4
#: Assumed batch size where the graph does not know it, as in an exported model.
SERVED_BATCH = 4


def leaky_relu(features: tf.Tensor, after_bias: bool) -> tf.Tensor:
    """``max(x, 0.2 x)``, any shape.

    After a biased convolution without batch norm (``after_bias``) TensorFlow's graph optimizer
    fails on LeakyRelu ("remapper failed") and then fuses nothing in the whole graph, so it is
    written with other operations there.
    """
    return (
        tf.maximum(features, SLOPE * features) if after_bias else tf.nn.leaky_relu(features, SLOPE)
    )


class DownsampleConv(keras.layers.Conv2D):
    """4×4 convolution, stride 2, padding 1: [B, H, W, C] to [B, H / 2, W / 2, filters]; H, W
    even."""

    def __init__(self, filters: int, *, use_bias: bool, init_stddev: float) -> None:
        super().__init__(
            filters,
            4,
            strides=2,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=keras.initializers.RandomNormal(stddev=init_stddev),
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Convolve; shapes as in the class."""
        if wants_portable_ops() and features.shape[1:3] == (2, 2):
            convolved = tf.nn.conv2d(features, _inner(self.kernel.value), 2, "VALID")
        elif wants_portable_ops() or _positions(features) > 4 * MAX_POSITIONS_DOWN:
            return super().call(features)
        else:
            convolved = conv_down(features, self.kernel.value)
        return tf.nn.bias_add(convolved, self.bias.value) if self.use_bias else convolved


class UpsampleConv(keras.layers.Conv2DTranspose):
    """4×4 transposed convolution, stride 2: [B, H, W, C] to [B, 2 · H, 2 · W, filters]."""

    def __init__(self, filters: int, *, use_bias: bool, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(
            filters,
            4,
            strides=2,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=keras.initializers.RandomNormal(stddev=init_stddev),
            **kwargs,
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Convolve; shapes as in the class."""
        if wants_portable_ops() and features.shape[1:3] == (1, 1):
            kernel, sizes = _inner(self.kernel.value), [tf.shape(features)[0], 2, 2, self.filters]
            convolved = tf.nn.conv2d_transpose(features, kernel, sizes, 2, "VALID")
        elif wants_portable_ops():
            return super().call(features)
        elif self.filters <= FEW_FILTERS:
            # A function with a custom gradient takes no variables.
            convolved = conv_up_few_filters(features, tf.convert_to_tensor(self.kernel.value))
        elif _positions(features) <= MAX_POSITIONS_UP:
            convolved = conv_up(features, self.kernel.value)
        else:
            return super().call(features)
        return tf.nn.bias_add(convolved, self.bias.value) if self.use_bias else convolved


def conv_down(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] and [4, 4, C, F] to [B, H / 2, W / 2, F]; H and W even."""
    height, width, channels = features.shape[1:]
    if (height, width) == (2, 2):
        patches, kernel = features, _inner(kernel)
    else:
        patches = _patches(features)
    taps = kernel.shape[0] * kernel.shape[1] * channels
    product = tf.matmul(tf.reshape(patches, [-1, taps]), tf.reshape(kernel, [taps, -1]))
    return tf.reshape(product, [-1, height // 2, width // 2, kernel.shape[3]])


def conv_up(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] and [4, 4, F, C] to [B, 2 · H, 2 · W, F]."""
    height, width, channels = features.shape[1:]
    single = (height, width) == (1, 1)
    kernel = _inner(kernel) if single else kernel
    patches = _product(tf.reshape(features, [-1, channels]), tf.reshape(kernel, [-1, channels]))
    if single:
        return tf.reshape(patches, [-1, 2, 2, kernel.shape[2]])
    return _overlap_add(tf.reshape(patches, [-1, height, width, 2, 2, 2, 2, kernel.shape[2]]))


def _inner(kernel: tf.Tensor) -> tf.Tensor:
    """[2, 2, ·, ·] of [4, 4, ·, ·]: between 2×2 and 1×1 the outer ring meets padding only."""
    return kernel[1:3, 1:3]


@tf.custom_gradient
def conv_up_few_filters(
    features: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """``conv_up`` with the gradient of the convolution, which is faster than the product's."""

    def gradient(upstream: tf.Tensor) -> Gradients:
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=upstream,
            filter_sizes=kernel.shape,
            out_backprop=features,
            strides=[1, 2, 2, 1],
            padding="SAME",
        )
        return tf.nn.conv2d(upstream, kernel, 2, "SAME"), by_kernel

    return conv_up(features, kernel), gradient


@tf.custom_gradient
def _product(
    rows: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """[M, C] and [K, C] to [M, K].

    For a few dozen rows ``matmul`` repacks millions of weights and is two to five times slower than
    ``einsum``; for the gradients, which need no repacking, ``matmul`` is faster.
    """

    def gradient(upstream: tf.Tensor) -> Gradients:
        return tf.matmul(upstream, kernel), tf.matmul(upstream, rows, transpose_a=True)

    return tf.einsum("mc,kc->mk", rows, kernel), gradient


def _patches(features: tf.Tensor) -> tf.Tensor:
    """The input patch of each output position: [B, H, W, C] to [B, H / 2, W / 2, 4, 4, C].

    The padded map consists of 2×2 squares; a patch is two by two of them.
    """
    height, width, channels = features.shape[1:]
    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
    squares = tf.reshape(padded, [-1, height // 2 + 1, 2, width // 2 + 1, 2, channels])
    pairs = tf.stack([squares[:, :-1], squares[:, 1:]], axis=2)  # [B, H/2, 2, 2, W/2 + 1, 2, C]
    fours = tf.stack([pairs[:, :, :, :, :-1], pairs[:, :, :, :, 1:]], axis=5)
    return tf.transpose(fours, [0, 1, 4, 2, 3, 5, 6, 7])  # from [B, H/2, 2, 2, W/2, 2, 2, C]


def _overlap_add(patches: tf.Tensor) -> tf.Tensor:
    """The sum of overlapping patches: [B, H, W, 2, 2, 2, 2, F] to [B, 2 · H, 2 · W, F].

    The transpose of ``_patches``: each 2×2 square of the result is the sum over four neighbors.
    """
    height, width, filters = patches.shape[1], patches.shape[2], patches.shape[7]
    patches = tf.transpose(patches, [0, 1, 3, 4, 2, 5, 6, 7])  # [B, H, 2, 2, W, 2, 2, F]
    left, right = tf.unstack(patches, axis=5)
    columns = _shift_add(left, right, axis=4)  # [B, H, 2, 2, W + 1, 2, F]
    upper, lower = tf.unstack(columns, axis=2)
    squares = _shift_add(upper, lower, axis=1)  # [B, H + 1, 2, W + 1, 2, F]
    padded = tf.reshape(squares, [-1, 2 * height + 2, 2 * width + 2, filters])
    return padded[:, 1:-1, 1:-1]


def _shift_add(first: tf.Tensor, second: tf.Tensor, axis: int) -> tf.Tensor:
    """``first`` plus ``second`` shifted by one along ``axis``, which grows by one."""
    rank = first.shape.rank
    after, before = ([[0, 0]] * rank for _ in range(2))
    after[axis], before[axis] = [0, 1], [1, 0]
    return tf.pad(first, after) + tf.pad(second, before)


def _positions(features: tf.Tensor) -> int:
    """Number of positions over the batch."""
    batch, height, width, _ = features.shape
    return (batch or SERVED_BATCH) * height * width


class SpectralNormConv(keras.layers.Conv2D):
    """Convolution with ``W / σ(W)``, σ being the largest singular value of W as [H · W · C,
    filters].

    Miyato et al. 2018, "Spectral Normalization for GANs". σ is estimated by power iteration, one
    round per call that updates statistics. The vector is not trained; it is equal on all replicas
    and stored in checkpoints.

    Input shape: [B, H, W, C], padded beforehand. Output shape: as ``keras.layers.Conv2D``'s.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create kernel, bias and an initial right singular vector."""
        super().build(input_shape)
        self.singular_vector = self.add_weight(
            name="singular_vector",
            shape=(self.filters,),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            aggregation="only_first_replica",  # it depends on the kernel only
            autocast=False,
        )

    def call(self, features: tf.Tensor, update_statistics: bool = False) -> tf.Tensor:
        """Convolve; ``update_statistics`` as in ``BatchNorm.call``."""
        kernel = to_float32(self.kernel.value) / self.greatest_singular_value(update_statistics)
        kernel = tf.cast(kernel, features.dtype)
        convolved = tf.nn.conv2d(features, kernel, self.strides, self.padding.upper())
        return tf.nn.bias_add(convolved, self.bias.value)

    def greatest_singular_value(self, update_statistics: bool) -> tf.Tensor:
        """σ(W) after another round, which is stored if ``update_statistics``."""
        matrix = tf.reshape(to_float32(self.kernel.value), [-1, self.filters])
        fixed = tf.stop_gradient(matrix)  # σ = uᵀ W v has the gradient u vᵀ for fixed u and v
        left = _unit(tf.linalg.matvec(fixed, self.singular_vector.value))
        right = _unit(tf.linalg.matvec(fixed, left, transpose_a=True))
        if update_statistics:
            self.singular_vector.assign(right)
        return tf.tensordot(left, tf.linalg.matvec(matrix, right), 1)


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=1e-12)
