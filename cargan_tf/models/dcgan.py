"""The convolutions of S2IC and CMCGAN: DCGAN's (Radford et al. 2016), 4×4 with stride 2."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.models.base import CompositeLayer
from cargan_tf.models.layers import BatchNorm, leaky_relu

#: Seed of the one latent vector used after training, so that a sound always gives the same image.
INFERENCE_SEED = (0, 0)


#: Pixels a side of the innermost map.
INNERMOST = 4
#: The innermost map has 8 times the outermost's channels, and none has more.
WIDEST = 8


def latent_vectors(batch: tf.Tensor, size: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Gaussian numbers, [B, size].

    Args:
        batch: how many vectors, on this replica.
        size: numbers in each.
        seed: int32 [2] of a training step: each image gets its own vector, by its index in the
            global batch, so the number of replicas changes nothing. ``None`` gives all images the
            same one.
    """
    if seed is None:
        one = tf.random.stateless_normal([1, size], INFERENCE_SEED)
        return tf.tile(one, [batch, 1])
    context = tf.distribute.get_replica_context()
    everyone = tf.random.stateless_normal([batch * context.num_replicas_in_sync, size], seed)
    first = context.replica_id_in_sync_group * batch
    return everyone[first : first + batch]


class ConvEncoder(CompositeLayer):
    """Halves an image until it is 4×4; all but the first convolution have batch norm.

    Input shape: [B, S, S, C], S a power of two. Output shape: [B, 4, 4, W], W the first width
    doubled at each step, at most 8 times.
    """

    def __init__(self, image_size: int, width: int, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        widths = encoder_widths(image_size, width)
        self.convolutions = [
            keras.layers.Conv2D(
                count,
                4,
                strides=2,
                padding="same",
                use_bias=level == 0,
                kernel_initializer=keras.initializers.RandomNormal(stddev=init_stddev),
            )
            for level, count in enumerate(widths)
        ]
        self.norms = [BatchNorm() for _ in widths[1:]]

    def call(
        self, image: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Encode; see ``BatchNorm.call`` for ``update_statistics``."""
        how = {"training": training, "update_statistics": update_statistics}
        first, *others = self.convolutions
        features = leaky_relu(first(image), after_bias=True)
        for convolution, norm in zip(others, self.norms, strict=True):
            features = leaky_relu(norm(convolution(features), **how), after_bias=False)
        return features


class ConvDecoder(CompositeLayer):
    """Makes a vector a 4×4 map and doubles that until it is an image.

    Input shape: [B, N]. Output shape: [B, S, S, C] in [-1, 1].
    """

    def __init__(
        self, image_size: int, channels: int, width: int, init_stddev: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        initializer = keras.initializers.RandomNormal(stddev=init_stddev)
        *others, innermost = encoder_widths(image_size, width)
        self.innermost = innermost
        self.project = keras.layers.Dense(
            INNERMOST * INNERMOST * innermost, use_bias=False, kernel_initializer=initializer
        )
        self.convolutions = [
            keras.layers.Conv2DTranspose(
                count,
                4,
                strides=2,
                padding="same",
                use_bias=False,
                kernel_initializer=initializer,
            )
            for count in reversed(others)
        ]
        self.norms = [BatchNorm() for _ in (innermost, *others)]
        self.to_rgb = keras.layers.Conv2DTranspose(
            channels, 4, strides=2, padding="same", kernel_initializer=initializer
        )

    def call(
        self, vector: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Decode; see ``BatchNorm.call`` for ``update_statistics``."""
        how = {"training": training, "update_statistics": update_statistics}
        features = tf.reshape(self.project(vector), [-1, INNERMOST, INNERMOST, self.innermost])
        first, *others = self.norms
        features = tf.nn.relu(first(features, **how))
        for convolution, norm in zip(self.convolutions, others, strict=True):
            features = tf.nn.relu(norm(convolution(features), **how))
        return tf.tanh(self.to_rgb(features))


def encoder_widths(image_size: int, width: int) -> list[int]:
    """Channels of each map between an image and the innermost, the widest image's first."""
    halvings = (image_size // INNERMOST).bit_length() - 1
    return [width * min(2**level, WIDEST) for level in range(halvings)]


def flattened(maps: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] to [B, H · W · C], whose size the graph knows."""
    return tf.reshape(maps, [-1, maps.shape[1] * maps.shape[2] * maps.shape[3]])


class PairDiscriminator(CompositeLayer):
    """One logit for what is known of an image and a sound (Reed et al. 2016, GAN-CLS).

    A 1×1 convolution mixes the two, a 4×4 one spans the map. Input shape: [B, 4, 4, C]. Output
    shape: [B, 1, 1, 1].
    """

    def __init__(self, width: int, init_stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        initializer = keras.initializers.RandomNormal(stddev=init_stddev)
        self.mix = keras.layers.Conv2D(width, 1, use_bias=False, kernel_initializer=initializer)
        self.norm = BatchNorm()
        self.to_logit = keras.layers.Conv2D(1, INNERMOST, kernel_initializer=initializer)

    def call(
        self, known: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Discriminate; see ``BatchNorm.call`` for ``update_statistics``."""
        mixed = self.norm(self.mix(known), training=training, update_statistics=update_statistics)
        return self.to_logit(leaky_relu(mixed, after_bias=False))
