"""Batch norm and dropout with equal results on one device and on several."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.models.base import FLOAT32_LAYER, to_float32

#: oneDNN normalizes half-width numbers at full speed if the channels are a multiple of this,
#: otherwise five to twelve times slower than float32 (docs/explanation/performance.md).
HALF_WIDTH_CHANNELS = 16


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
