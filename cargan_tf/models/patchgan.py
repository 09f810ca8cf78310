"""The discriminator: a PatchGAN with self-attention for (spectrogram, image) pairs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config, ModelConfig
from cargan_tf.models.attention import new_attention
from cargan_tf.models.base import CompositeLayer
from cargan_tf.models.layers import BatchNorm, SpectralNormConv, leaky_relu
from cargan_tf.utils.arrays import height_width


class PatchGAN(CompositeLayer, keras.Model):
    """Three convolutions of stride 2, two of stride 1; one logit per patch of 70×70 pixels.

    All kernels are 4×4. The convolutions of stride 1 have padding 1, so a map of 16 becomes 15,
    then 14. Self-attention follows the second and the third convolution. With
    ``model.discriminator_norm: spectral`` all convolutions are spectrally normalized, without batch
    norm; attention is not.

    Input shape: [B, H, W, C], spectrogram and image concatenated. Output shape:
    [B, H / 8 - 2, W / 8 - 2, 1], logits (their tanh with ``model.discriminator_tanh``).
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width, attend = config.discriminator_width, config.attention != "none"
        self.blocks = [
            PatchBlock(width, config, stride=2, normalize=False, attend=False, name="block_0"),
            PatchBlock(2 * width, config, stride=2, normalize=True, attend=attend, name="block_1"),
            PatchBlock(4 * width, config, stride=2, normalize=True, attend=attend, name="block_2"),
            PatchBlock(8 * width, config, stride=1, normalize=True, attend=False, name="block_3"),
        ]
        self.to_logits = _convolution(
            1, config, stride=1, use_bias=True, name="to_logits", dtype="float32"
        )
        self.tanh = config.discriminator_tanh

    def call(
        self, inputs: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Logits of each patch; ``update_statistics`` as in ``BatchNorm.call``."""
        return self.feature_maps(inputs, training, update_statistics)[-1]

    def feature_maps(
        self, inputs: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> list[tf.Tensor]:
        """The output of each block, [B, H, W, C], and the logits last."""
        maps = [inputs]
        for block in self.blocks:
            maps.append(block(maps[-1], training=training, update_statistics=update_statistics))
        logits = _convolved(
            self.to_logits, maps[-1], training=training, update_statistics=update_statistics
        )
        return [*maps[1:], tf.tanh(logits) if self.tanh else logits]


def new_discriminator(config: Config, label_count: int) -> PatchGAN:
    """D with built weights; its input includes the label if so configured."""
    model, (height, width) = config.model, height_width(config.data.image_size)
    labels = 0 if model.discriminator_label == "none" else label_count
    discriminator = PatchGAN(model, name="discriminator")
    discriminator(tf.zeros([1, height, width, model.spectrogram_channels + 3 + labels]))
    return discriminator


class PatchBlock(CompositeLayer):
    """Convolution, batch norm (unless spectral), self-attention, leaky ReLU."""

    def __init__(
        self,
        width: int,
        config: ModelConfig,
        stride: int,
        normalize: bool,
        attend: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        normalize = normalize and config.discriminator_norm == "batch"
        self.convolution = _convolution(width, config, stride, use_bias=not normalize)
        self.norm = BatchNorm() if normalize else None
        self.attention = new_attention(config) if attend else None

    def call(
        self, features: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """[B, H, W, C] to [B, H / 2, W / 2, width], or to H - 1, W - 1 with stride 1."""
        features = _convolved(
            self.convolution, features, training=training, update_statistics=update_statistics
        )
        if self.norm:
            features = self.norm(features, training=training, update_statistics=update_statistics)
        if self.attention:
            features = self.attention(features)
        return leaky_relu(features, after_bias=self.norm is None)


def _convolved(
    layer: keras.layers.Conv2D, features: tf.Tensor, training: bool, update_statistics: bool
) -> tf.Tensor:
    padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
    if isinstance(layer, SpectralNormConv):
        return layer(padded, update_statistics=training and update_statistics)
    return layer(padded)


def _convolution(
    width: int, config: ModelConfig, stride: int, use_bias: bool, **kwargs: Any
) -> keras.layers.Conv2D:
    spectral = config.discriminator_norm == "spectral"
    return (SpectralNormConv if spectral else keras.layers.Conv2D)(
        width,
        4,
        strides=stride,
        padding="valid",
        use_bias=use_bias,
        kernel_initializer=keras.initializers.RandomNormal(stddev=config.init_stddev),
        **kwargs,
    )
