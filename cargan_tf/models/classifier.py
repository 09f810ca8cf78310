"""C, the image classifier: ResNet50 and one dense layer (paper Sec. 2.3 and 2.5)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import ClassifierConfig
from cargan_tf.errors import UserError, full_message
from cargan_tf.models.base import FLOAT32_LAYER, CompositeLayer, to_float32
from cargan_tf.models.layers import BatchNorm
from cargan_tf.utils.portable_ops import wants_portable_ops

#: ImageNet's mean in blue, green, red, 0 to 255, as Keras' ResNet50 was trained with.
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)
#: ImageNet's mean and std in red, green, blue, 0 to 1, as torchvision's.
IMAGENET_MEAN_RGB = (0.485, 0.456, 0.406)
IMAGENET_STD_RGB = (0.229, 0.224, 0.225)
#: Batch norm's epsilon in keras.applications' ResNet50 and in torchvision's.
EPSILON = {"keras": 1.001e-5, "torchvision": 1e-5}


class Classifier(CompositeLayer, keras.Model):
    """ResNet (He et al. 2015) as in ``keras.applications``: same layers, names and padding.

    With ``resnet_variant: torchvision`` blocks stride in their 3×3 convolution, without biases.

    Input shape: [B, S, S, 3] in [-1, 1]; the backbone's preprocessing is included. Output shape:
    [B, K], logits.
    """

    def __init__(self, config: ClassifierConfig, label_count: int, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.config = config
        self.stem = ConvNorm(config, config.width, 7, 2, padding=3, name="conv1")
        self.stages = [
            Bottleneck(
                config,
                config.width * 2**stage,
                stride=2 if stage > 0 and block == 0 else 1,
                shortcut=block == 0,
                name=f"conv{stage + 2}_block{block + 1}",
            )
            for stage, count in enumerate(config.blocks)
            for block in range(count)
        ]
        self.to_logits = keras.layers.Dense(label_count, name="to_logits", dtype="float32")

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of each label."""
        return self.to_logits(self.features(images, training=training))

    def features(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The input of the dense layer: [B, 32 · width]."""
        return tf.reduce_mean(to_float32(self.feature_maps(images, training=training)[-1]), [1, 2])

    def feature_maps(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """The output of the stem, [B, S / 2, S / 2, width], and of each block."""
        images = preprocessed(images, self.config)
        maps = [tf.nn.relu(self.stem(images, training=training))]
        features = tf.pad(maps[0], [[0, 0], [1, 1], [1, 1], [0, 0]])
        features = tf.nn.max_pool2d(features, 3, 2, "VALID")
        for block in self.stages:
            features = block(features, training=training)
            maps.append(features)
        return maps

    def load_imagenet(self, weights: str) -> None:
        """Load the weights of ``keras.applications.ResNet50``.

        Args:
            weights: ``imagenet``, which Keras downloads once, or the path of a weights file of
                ``ResNet50(include_top=False)``.

        Raises:
            UserError: the network is not ResNet50, or the weights cannot be loaded.
        """
        if self.config.resnet_variant != "keras":
            raise UserError(
                "Keras' ImageNet weights fit classifier.resnet_variant=keras only; for"
                " torchvision's, name a resnet50 .pth in classifier.weights, or set it to none."
            )
        source = keras.applications.ResNet50(include_top=False, weights=None)
        theirs = {
            layer.name: layer.filters for layer in source.layers if layer.name.endswith("_conv")
        }
        ours = {f"{layer.name}_conv": layer.convolution.filters for layer in self.convolutions()}
        if theirs != ours:
            raise UserError(
                "ImageNet weights fit classifier.blocks [3, 4, 6, 3] and width 64 only;"
                " set classifier.weights=none for other shapes."
            )
        try:
            source = keras.applications.ResNet50(include_top=False, weights=weights)
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise UserError(
                f"classifier.weights={weights!r} cannot be loaded ({full_message(error)}). Name a"
                " local file of keras.applications.ResNet50(include_top=False), or set"
                " classifier.weights=none to train from scratch."
            ) from error
        for layer in self.convolutions():
            layer.copy_from(source)

    def convolutions(self) -> list[ConvNorm]:
        """Every convolution with its norm, from input to output."""
        return [self.stem, *(part for block in self.stages for part in block.parts())]


def preprocessed(images: tf.Tensor, config: ClassifierConfig) -> tf.Tensor:
    """Images [B, S, S, 3] in [-1, 1], preprocessed as ``config.preprocessing`` says."""
    if config.preprocessing == "caffe":
        # Not [..., ::-1]: four times slower, forward and backward
        # (docs/explanation/performance.md).
        return (tf.reverse(images, [-1]) + 1.0) * 127.5 - tf.constant(IMAGENET_MEAN_BGR)
    if config.preprocessing == "torch":
        return ((images + 1.0) / 2.0 - IMAGENET_MEAN_RGB) / tf.constant(IMAGENET_STD_RGB)
    return images


class Bottleneck(CompositeLayer):
    """1×1, 3×3 and 1×1 convolutions beside a shortcut: [B, S, S, C] to 4·width.

    The first one strides; with ``resnet_variant: torchvision`` the second.
    """

    def __init__(
        self, config: ClassifierConfig, width: int, stride: int, shortcut: bool, **kwargs: Any
    ) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        name = kwargs["name"]
        strides = (stride, 1) if config.resnet_variant == "keras" else (1, stride)
        self.shortcut = (
            ConvNorm(config, 4 * width, 1, stride, name=f"{name}_0") if shortcut else None
        )
        self.reduce = ConvNorm(config, width, 1, strides[0], name=f"{name}_1")
        self.spatial = ConvNorm(config, width, 3, strides[1], padding=1, name=f"{name}_2")
        self.expand = ConvNorm(config, 4 * width, 1, 1, name=f"{name}_3")

    def parts(self) -> list[ConvNorm]:
        """Its convolutions."""
        branch = [self.reduce, self.spatial, self.expand]
        return [self.shortcut, *branch] if self.shortcut else branch

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """One residual block."""
        shortcut = self.shortcut(features, training=training) if self.shortcut else features
        features = tf.nn.relu(self.reduce(features, training=training))
        features = tf.nn.relu(self.spatial(features, training=training))
        return tf.nn.relu(shortcut + self.expand(features, training=training))


class ConvNorm(keras.layers.Layer):
    """A convolution with symmetric padding, then batch norm."""

    def __init__(
        self,
        config: ClassifierConfig,
        filters: int,
        kernel: int,
        stride: int,
        padding: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.stride = stride
        self.padding = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
        self.convolution = keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="valid",
            use_bias=config.resnet_variant == "keras",
            kernel_initializer="he_normal",
        )
        self.norm = BatchNorm(epsilon=EPSILON[config.resnet_variant])

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build both layers; the folded form reads their weights without calling them."""
        self.convolution.build((None, None, None, input_shape[-1]))
        self.norm.build((None, None, None, self.convolution.filters))

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, S, S, C] to [B, S / stride, S / stride, filters]."""
        if self.padding[1][0]:
            features = tf.pad(features, self.padding)
        # Other runtimes fold by themselves, and the kernel is to reach them as it is stored.
        if not (training or wants_portable_ops()) and self._folding_pays(features):
            return self._folded(features)
        return self.norm(self.convolution(features), training=training)

    def _folding_pays(self, features: tf.Tensor) -> bool:
        """Whether the kernel has fewer values than the map that the norm would process."""
        batch, height, width, channels = features.shape
        positions = (batch or 1) * height * width // self.stride**2
        return positions > self.convolution.kernel.shape[0] ** 2 * channels

    def _folded(self, features: tf.Tensor) -> tf.Tensor:
        """Inference with the norm folded into the convolution's kernel and bias.

        The map between the two is then not kept for the gradient.
        """
        scale, offset = self.norm.scale_and_offset()
        if self.convolution.use_bias:
            offset += scale * self.convolution.bias.value
        kernel = scale * self.convolution.kernel.value
        features, kernel, offset = (
            tf.cast(values, self.convolution.compute_dtype) for values in (features, kernel, offset)
        )
        return tf.nn.bias_add(tf.nn.conv2d(features, kernel, self.stride, "VALID"), offset)

    def copy_from(self, source: keras.Model) -> None:
        """Copy the weights of the layers of this name in ``keras.applications.ResNet50``."""
        self.convolution.set_weights(source.get_layer(f"{self.name}_conv").get_weights())
        self.norm.set_weights(source.get_layer(f"{self.name}_bn").get_weights())
