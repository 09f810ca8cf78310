"""Layers that several networks share: batch norm and dropout with equal results on one device and
on several; the U-Net's 4×4 convolutions of stride 2, spectrally normalized ones, and leaky ReLU.

On small maps the U-Net's convolutions are computed as matrix products, which is faster
(docs/explanation/performance.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.models.base import FLOAT32_LAYER, to_float32
from cargan_tf.utils.portable_ops import wants_portable_ops

#: oneDNN normalizes half-width numbers at full speed if the channels are a multiple of this,
#: otherwise five to twelve times slower than float32 (docs/explanation/performance.md).
HALF_WIDTH_CHANNELS = 16
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


class BatchNorm(keras.layers.Layer):
    """Batch norm with PyTorch's conventions, over the global batch.

    The moving variance is unbiased and updated with PyTorch's momentum 0.1; the scale is
    initialized from N(1, 0.02), as in pix2pix. One replica uses TensorFlow's fused kernel.

    Input and output shape: [B, H, W, C], of any precision; statistics are float32.
    """

    def __init__(self, epsilon: float = 1e-5, momentum: float = 0.9, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.epsilon = epsilon
        self.momentum = momentum

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create scale, offset and moving statistics."""
        # Always float32, whatever the precision of the surrounding layer.
        own = {"shape": (int(input_shape[-1] or 0),), "autocast": False}
        self.gamma = self.add_weight(
            name="gamma", initializer=keras.initializers.RandomNormal(1.0, 0.02), **own
        )
        self.beta = self.add_weight(name="beta", initializer="zeros", **own)
        # All replicas compute the same value, so any one may be kept.
        moving = {"trainable": False, "aggregation": "only_first_replica", **own}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)

    def call(
        self, features: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Normalize by the batch if ``training``, else by the moving statistics.

        ``update_statistics=False`` keeps the moving statistics: D must not change in the
        generators' half of a step.
        """
        if not training:
            normalized, *_ = self._fused(features, is_training=False)
            return normalized
        if _replicas() == 1:
            normalized, mean, variance = self._fused(features, is_training=True)
        else:
            normalized, mean, variance = self._synchronized(to_float32(features))
            normalized = tf.cast(normalized, features.dtype)
        if update_statistics:
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                kept = moving.value * self.momentum
                moving.assign(kept + tf.stop_gradient(value) * (1.0 - self.momentum))
        return normalized

    def scale_and_offset(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Inference as ``scale · x + offset``, each [C]."""
        scale = self.gamma.value * tf.math.rsqrt(self.moving_variance.value + self.epsilon)
        return scale, self.beta.value - scale * self.moving_mean.value

    def _fused(self, features: tf.Tensor, is_training: bool) -> tuple[tf.Tensor, ...]:
        """Normalized features, batch mean and unbiased batch variance."""
        precision = features.dtype
        if features.shape[-1] % HALF_WIDTH_CHANNELS:
            features = to_float32(features)
        normalized, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            features,
            self.gamma.value,
            self.beta.value,
            mean=None if is_training else self.moving_mean.value,
            variance=None if is_training else self.moving_variance.value,
            epsilon=self.epsilon,
            is_training=is_training,
        )
        return tf.cast(normalized, precision), mean, variance

    def _synchronized(self, features: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The same over all replicas; the mean first, to avoid cancellation in the variance."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        count = tf.cast(tf.reduce_prod(tf.shape(features)[:3]) * replicas, features.dtype)
        mean = context.all_reduce("SUM", tf.reduce_sum(features, [0, 1, 2])) / count
        squares = tf.reduce_sum(tf.square(features - mean), [0, 1, 2])
        variance = context.all_reduce("SUM", squares) / count
        normalized = tf.nn.batch_normalization(
            features, mean, variance, self.beta.value, self.gamma.value, self.epsilon
        )
        return normalized, mean, variance * count / tf.maximum(count - 1.0, 1.0)


class ReplicaDropout(keras.layers.Layer):
    """Dropout whose mask is a function of the seed and the index in the global batch.

    Each replica samples the mask of the global batch and keeps its own part, so that replicas and
    resumed runs agree. It is used on small maps only.

    Input and output shape: [B, H, W, C].
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(
        self, features: tf.Tensor, seed: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Drop a fraction ``rate`` of the features if ``training``; ``seed`` is int32 [2].

        Raises:
            ValueError: training without a seed.
        """
        if not training or self.rate == 0:
            return features
        if seed is None:
            raise ValueError("ReplicaDropout needs a seed of shape [2] in training; received None")
        context = tf.distribute.get_replica_context()
        batch = tf.shape(features)[0]
        shape = tf.concat([[batch * context.num_replicas_in_sync], features.shape[1:]], 0)
        first = context.replica_id_in_sync_group * batch
        uniform = tf.random.stateless_uniform(shape, seed)
        keep = uniform[first : first + batch] >= self.rate
        return tf.where(keep, features / (1.0 - self.rate), tf.zeros_like(features))


def _replicas() -> int:
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context is not None else 1


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
