"""The leaky ReLU of encoder and discriminator, in the form that TensorFlow can optimize."""
# MERGED The U-Net's 4×4 convolutions of stride 2, down and up, as matrix products where maps are
# small. MERGED Convolutions whose slope is bounded (Miyato et al. 2018, "Spectral Normalization for
# GANs").

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.models.base import to_float32

#: pix2pix's slope below 0.
SLOPE = 0.2


def leaky_relu(features: tf.Tensor, after_bias: bool) -> tf.Tensor:
    """``max(x, 0.2 x)``, any shape.

    ``after_bias`` says that a biased convolution without batch norm made the features: TensorFlow's
    graph optimizer stumbles over LeakyRelu there ("remapper failed") and then fuses nothing in the
    whole graph. The same function in other operations it can read.
    """
    return (
        tf.maximum(features, SLOPE * features) if after_bias else tf.nn.leaky_relu(features, SLOPE)
    )


Gradients = tuple[tf.Tensor, tf.Tensor]

#: Places of the smaller of the two maps, over the batch, up to which the product is faster.
MAX_POSITIONS_DOWN = 64
MAX_POSITIONS_UP = 256
#: Filters up to which it is faster on maps of any size, forward.
FEW_FILTERS = 4
#: The batch that is reckoned with where the graph does not know it: an exported model's.
SERVED_BATCH = 4


class DownsampleConv(keras.layers.Conv2D):
    """4×4, stride 2, a pixel of padding: [B, H, W, C] to [B, H / 2, W / 2, filters].

    H and W are even.
    """

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
        if _flatten_spatial(features) > 4 * MAX_POSITIONS_DOWN:
            return super().call(features)
        convolved = conv_down(features, self.kernel.value)
        return tf.nn.bias_add(convolved, self.bias.value) if self.use_bias else convolved


class UpsampleConv(keras.layers.Conv2DTranspose):
    """4×4, transposed, stride 2: [B, H, W, C] to [B, 2 · H, 2 · W, filters]."""

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
        if self.filters <= FEW_FILTERS:
            # A function with a gradient of its own takes no variables.
            convolved = conv_up_few_filters(features, tf.convert_to_tensor(self.kernel.value))
        elif _flatten_spatial(features) <= MAX_POSITIONS_UP:
            convolved = conv_up(features, self.kernel.value)
        else:
            return super().call(features)
        return tf.nn.bias_add(convolved, self.bias.value) if self.use_bias else convolved


def conv_down(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] and [4, 4, C, F] to [B, H / 2, W / 2, F]; H and W even."""
    height, width, channels = features.shape[1:]
    if (height, width) == (2, 2):  # the outer ring of the kernel meets padding only
        patches, kernel = features, kernel[1:3, 1:3]
    else:
        patches = _patches(features)
    taps = kernel.shape[0] * kernel.shape[1] * channels
    product = tf.matmul(tf.reshape(patches, [-1, taps]), tf.reshape(kernel, [taps, -1]))
    return tf.reshape(product, [-1, height // 2, width // 2, kernel.shape[3]])


def conv_up(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] and [4, 4, F, C] to [B, 2 · H, 2 · W, F]."""
    height, width, channels = features.shape[1:]
    alone = (height, width) == (1, 1)  # the outer ring of the kernel falls outside
    kernel = kernel[1:3, 1:3] if alone else kernel
    patches = _product(tf.reshape(features, [-1, channels]), tf.reshape(kernel, [-1, channels]))
    if alone:
        return tf.reshape(patches, [-1, 2, 2, kernel.shape[2]])
    return _overlaid(tf.reshape(patches, [-1, height, width, 2, 2, 2, 2, kernel.shape[2]]))


@tf.custom_gradient
def conv_up_few_filters(
    features: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
    """``conv_up`` with the convolution's own gradient, which is faster than the product's."""

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

    ``matmul`` puts the millions of weights into another order for some dozen rows, and is then two
    to five times slower than ``einsum``. Of the gradients, which take them as they lie, ``matmul``
    is the faster.
    """

    def gradient(upstream: tf.Tensor) -> Gradients:
        return tf.matmul(upstream, kernel), tf.matmul(upstream, rows, transpose_a=True)

    return tf.einsum("mc,kc->mk", rows, kernel), gradient


def _patches(features: tf.Tensor) -> tf.Tensor:
    """What each place of a convolution sees: [B, H, W, C] to [B, H / 2, W / 2, 4, 4, C].

    With its padding the map is made of squares of 2×2; a patch is two by two of them.
    """
    height, width, channels = features.shape[1:]
    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
    squares = tf.reshape(padded, [-1, height // 2 + 1, 2, width // 2 + 1, 2, channels])
    pairs = tf.stack([squares[:, :-1], squares[:, 1:]], axis=2)  # [B, H/2, 2, 2, W/2 + 1, 2, C]
    fours = tf.stack([pairs[:, :, :, :, :-1], pairs[:, :, :, :, 1:]], axis=5)
    return tf.transpose(fours, [0, 1, 4, 2, 3, 5, 6, 7])  # from [B, H/2, 2, 2, W/2, 2, 2, C]


def _overlaid(patches: tf.Tensor) -> tf.Tensor:
    """The sum of overlapping patches: [B, H, W, 2, 2, 2, 2, F] to [B, 2 · H, 2 · W, F].

    The transposed of ``_patches``: a patch is two by two squares of 2×2, and each square of the
    result is the sum of those of four neighbors.
    """
    height, width, filters = patches.shape[1], patches.shape[2], patches.shape[7]
    patches = tf.transpose(patches, [0, 1, 3, 4, 2, 5, 6, 7])  # [B, H, 2, 2, W, 2, 2, F]
    left, right = tf.unstack(patches, axis=5)
    columns = _one_later(left, right, axis=4)  # [B, H, 2, 2, W + 1, 2, F]
    upper, lower = tf.unstack(columns, axis=2)
    squares = _one_later(upper, lower, axis=1)  # [B, H + 1, 2, W + 1, 2, F]
    padded = tf.reshape(squares, [-1, 2 * height + 2, 2 * width + 2, filters])
    return padded[:, 1:-1, 1:-1]


def _one_later(first: tf.Tensor, second: tf.Tensor, axis: int) -> tf.Tensor:
    """The sum of both, the second moved on by one along ``axis``, which grows by one."""
    rank = first.shape.rank
    after, before = ([[0, 0]] * rank for _ in range(2))
    after[axis], before[axis] = [0, 1], [1, 0]
    return tf.pad(first, after) + tf.pad(second, before)


def _flatten_spatial(features: tf.Tensor) -> int:
    batch, height, width, _ = features.shape
    return (batch or SERVED_BATCH) * height * width


class SpectralNormConv(keras.layers.Conv2D):
    """A convolution by ``W / σ(W)``, σ the greatest singular value of W as [H · W · C, filters].

    σ is estimated by power iteration, one round in each call that may move statistics. The vector
    between rounds is not trained; it is the same on all replicas, and in the checkpoints.

    Input shape: [B, H, W, C], padded beforehand. Output shape: as ``keras.layers.Conv2D``'s.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel, bias and the right singular vector's first guess."""
        super().build(input_shape)
        self.singular_vector = self.add_weight(
            name="singular_vector",
            shape=(self.filters,),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            aggregation="only_first_replica",  # it depends on the kernel alone
            autocast=False,
        )

    def call(self, features: tf.Tensor, update_statistics: bool = False) -> tf.Tensor:
        """Convolve; see ``BatchNorm.call`` for ``update_statistics``."""
        kernel = to_float32(self.kernel.value) / self.greatest_singular_value(update_statistics)
        kernel = tf.cast(kernel, features.dtype)
        convolved = tf.nn.conv2d(features, kernel, self.strides, self.padding.upper())
        return tf.nn.bias_add(convolved, self.bias.value)

    def greatest_singular_value(self, update_statistics: bool) -> tf.Tensor:
        """σ(W) after one more round; the round is kept if ``update_statistics``."""
        matrix = tf.reshape(to_float32(self.kernel.value), [-1, self.filters])
        fixed = tf.stop_gradient(matrix)  # σ = uᵀ W v: its gradient is u vᵀ, u and v being fixed
        left = _unit(tf.linalg.matvec(fixed, self.singular_vector.value))
        right = _unit(tf.linalg.matvec(fixed, left, transpose_a=True))
        if update_statistics:
            self.singular_vector.assign(right)
        return tf.tensordot(left, tf.linalg.matvec(matrix, right), 1)


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=1e-12)
