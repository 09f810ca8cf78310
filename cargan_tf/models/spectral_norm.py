"""Convolutions whose slope is bounded (Miyato et al. 2018, "Spectral Normalization for GANs").

Keras' ``SpectralNormalization`` is not used: it overwrites the kernel in every training call, so
that its gradient misses what σ does to it, and D would change while the generators learn from it.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from cargan_tf.models.precision import exact


class SpectralConvolution(keras.layers.Conv2D):
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
        kernel = exact(self.kernel.value) / self.greatest_singular_value(update_statistics)
        kernel = tf.cast(kernel, features.dtype)
        convolved = tf.nn.conv2d(features, kernel, self.strides, self.padding.upper())
        return tf.nn.bias_add(convolved, self.bias.value)

    def greatest_singular_value(self, update_statistics: bool) -> tf.Tensor:
        """σ(W) after one more round; the round is kept if ``update_statistics``."""
        matrix = tf.reshape(exact(self.kernel.value), [-1, self.filters])
        fixed = tf.stop_gradient(matrix)  # σ = uᵀ W v: its gradient is u vᵀ, u and v being fixed
        left = _unit(tf.linalg.matvec(fixed, self.singular_vector.value))
        right = _unit(tf.linalg.matvec(fixed, left, transpose_a=True))
        if update_statistics:
            self.singular_vector.assign(right)
        return tf.tensordot(left, tf.linalg.matvec(matrix, right), 1)


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=1e-12)
