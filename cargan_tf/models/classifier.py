"""C, the judge of what a picture shows: ResNet50 and one dense layer (paper Sec. 2.3 and 2.5)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import ClassifierConfig
from cargan_tf.errors import UserError
from cargan_tf.models.normalisation import BatchNorm

#: Mean of ImageNet's pictures in blue, green, red, 0 to 255: what Keras' ResNet50 was trained with.
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)
#: keras.applications' ResNet50.
EPSILON = 1.001e-5


class Classifier(keras.Model):
    """ResNet (He et al. 2015) as in ``keras.applications``: same layers, names and padding.

    Input shape: [B, S, S, 3] in [-1, 1]; the backbone's own preprocessing is inside. Output shape:
    [B, K], logits.
    """

    def __init__(self, config: ClassifierConfig, label_count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stem = ConvolutionNorm(config.width, 7, 2, padding=3, name="conv1")
        self.stages = [
            Bottleneck(
                config.width * 2**stage,
                stride=2 if stage > 0 and block == 0 else 1,
                shortcut=block == 0,
                name=f"conv{stage + 2}_block{block + 1}",
            )
            for stage, count in enumerate(config.blocks)
            for block in range(count)
        ]
        self.to_logits = keras.layers.Dense(label_count, name="to_logits")

    def call(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of each label."""
        return self.to_logits(self.features(pictures, training=training))

    def features(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """What the dense layer sees: [B, 32 · width]."""
        blue_green_red = (pictures[..., ::-1] + 1.0) * 127.5 - tf.constant(IMAGENET_MEAN_BGR)
        features = tf.nn.relu(self.stem(blue_green_red, training=training))
        features = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
        features = tf.nn.max_pool2d(features, 3, 2, "VALID")
        for block in self.stages:
            features = block(features, training=training)
        return tf.reduce_mean(features, [1, 2])

    def load_imagenet(self, weights: str) -> None:
        """Start from ``keras.applications.ResNet50``.

        Args:
            weights: ``imagenet``, which Keras downloads once, or the path of a weights file of
                ``ResNet50(include_top=False)``.

        Raises:
            UserError: the network is not ResNet50, or the weights cannot be had.
        """
        donor = keras.applications.ResNet50(include_top=False, weights=None)
        theirs = {
            layer.name: layer.filters for layer in donor.layers if layer.name.endswith("_conv")
        }
        ours = {f"{layer.name}_conv": layer.convolution.filters for layer in self.convolutions()}
        if theirs != ours:
            raise UserError(
                "ImageNet weights fit classifier.blocks [3, 4, 6, 3] and width 64 only;"
                " set classifier.weights=none for other shapes."
            )
        try:
            donor = keras.applications.ResNet50(include_top=False, weights=weights)
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise UserError(
                f"classifier.weights={weights!r} cannot be loaded ({_one_line(error)}). Name a"
                " local file of keras.applications.ResNet50(include_top=False), or set"
                " classifier.weights=none to start from nothing."
            ) from error
        for layer in self.convolutions():
            layer.copy_from(donor)

    def convolutions(self) -> list[ConvolutionNorm]:
        """Every convolution with its norm, from input to output."""
        return [self.stem, *(part for block in self.stages for part in block.parts())]


class Bottleneck(keras.layers.Layer):
    """1×1 (which strides), 3×3 and 1×1 convolutions beside a shortcut: [B, S, S, C] to 4·width."""

    def __init__(self, width: int, stride: int, shortcut: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = kwargs["name"]
        self.shortcut = (
            ConvolutionNorm(4 * width, 1, stride, name=f"{name}_0") if shortcut else None
        )
        self.reduce = ConvolutionNorm(width, 1, stride, name=f"{name}_1")
        self.spatial = ConvolutionNorm(width, 3, 1, padding=1, name=f"{name}_2")
        self.expand = ConvolutionNorm(4 * width, 1, 1, name=f"{name}_3")

    def parts(self) -> list[ConvolutionNorm]:
        """Its convolutions."""
        branch = [self.reduce, self.spatial, self.expand]
        return [self.shortcut, *branch] if self.shortcut else branch

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """One residual block."""
        shortcut = self.shortcut(features, training=training) if self.shortcut else features
        features = tf.nn.relu(self.reduce(features, training=training))
        features = tf.nn.relu(self.spatial(features, training=training))
        return tf.nn.relu(shortcut + self.expand(features, training=training))


class ConvolutionNorm(keras.layers.Layer):
    """A convolution with symmetric padding, then batch norm."""

    def __init__(
        self, filters: int, kernel: int, stride: int, padding: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.padding = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
        self.convolution = keras.layers.Conv2D(
            filters, kernel, strides=stride, padding="valid", kernel_initializer="he_normal"
        )
        self.norm = BatchNorm(epsilon=EPSILON)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, S, S, C] to [B, S / stride, S / stride, filters]."""
        if self.padding[1][0]:
            features = tf.pad(features, self.padding)
        return self.norm(self.convolution(features), training=training)

    def copy_from(self, donor: keras.Model) -> None:
        """Take the weights of the layers of this name in ``keras.applications.ResNet50``."""
        self.convolution.set_weights(donor.get_layer(f"{self.name}_conv").get_weights())
        self.norm.set_weights(donor.get_layer(f"{self.name}_bn").get_weights())


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
