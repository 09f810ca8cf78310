"""The generator of both stages: a U-Net with self-attention (paper Sec. 2.5; pix2pix)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from cargan_tf.config import ModelConfig
from cargan_tf.models.attention import new_attention
from cargan_tf.models.base import FLOAT32_LAYER, CompositeLayer
from cargan_tf.models.layers import (
    BatchNorm,
    DownsampleConv,
    ReplicaDropout,
    UpsampleConv,
    leaky_relu,
)
from cargan_tf.models.pose import PoseEmbedding, PoseHead
from cargan_tf.models.warp import MIN_FLOW_SIDE, FlowHead, add_flows
from cargan_tf.utils.arrays import ImageSize, height_width

#: pix2pix has dropout in the decoder blocks of full width, from this level inwards, except the
#: innermost: 1 block at 64 pixels, 2 at 128, 3 at 256.
FIRST_DROPOUT_LEVEL = 3


class UNetOutput(NamedTuple):
    """An image, and with ``model.pose`` and ``model.warp`` what it was drawn by."""

    image: tf.Tensor  # [B, H, W, 3] in [-1, 1]
    read_pose: tf.Tensor | None  # that the encoder read, [B, 2]
    pose: tf.Tensor | None  # that was drawn
    flow: tf.Tensor | None  # for ``warp``, [B, 2, H, W]


class UNet(CompositeLayer, keras.Model):
    """4×4 convolutions of stride 2 down to one position and up again, with skip connections.

    The outermost ``dropped_skips`` skip connections are omitted.

    Input shape: [B, H, W, C] in [-1, 1]. Output image: [B, H, W, 3] in [-1, 1]. The smaller side
    gives the depth. Sides that are no powers of two become odd on the way: such a map is padded
    with a row or column of zeros before it is halved, and what it is doubled to loses them.
    """

    def __init__(
        self,
        image_size: ImageSize,
        config: ModelConfig,
        dropped_skips: int = 0,
        reads_pose: bool = False,
        **kwargs: Any,
    ) -> None:
        # Its blocks compute in their own precision; a pose in bfloat16 would be rounded.
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.dropped_skips = dropped_skips
        self.pose_head = PoseHead(name="pose_head") if reads_pose else None
        self.pose_embedding = PoseEmbedding(name="pose_embedding") if config.pose else None
        depth = min(height_width(image_size)).bit_length() - 1
        widths = [
            config.generator_width * min(2**level, config.max_width_multiplier)
            for level in range(depth)
        ]
        self.down = [
            DownBlock(width, config, normalize=0 < level < depth - 1, name=f"down_{level}")
            for level, width in enumerate(widths)
        ]
        attending = (1, 0)[: config.generator_attentions]
        # Decoder block k is opposite encoder block k and has as many output channels.
        self.up = [
            UpBlock(
                widths[level],
                config,
                dropout=FIRST_DROPOUT_LEVEL <= level < depth - 2,
                attend=config.attention != "none" and level in attending,
                name=f"up_{level}",
            )
            for level in reversed(range(depth - 1))
        ]
        # The last level's part of the flow comes as two more channels.
        channels = 5 if config.warp else 3
        self.to_rgb = UpsampleConv(
            channels, use_bias=True, init_stddev=config.init_stddev, name="to_rgb", dtype="float32"
        )
        self.to_flow = [
            FlowHead(name=f"flow_{level}")
            if config.warp and 2 ** (depth - level - 1) >= MIN_FLOW_SIDE
            else None
            for level in reversed(range(depth - 1))
        ]

    def call(
        self,
        inputs: tf.Tensor,
        seed: tf.Tensor | None = None,
        training: bool = False,
        pose: tf.Tensor | None = None,
        who: tf.Tensor | None = None,
    ) -> UNetOutput:
        """Generate an image.

        Args:
            inputs: [B, H, W, C].
            seed: int32 [2], of a training step's dropout.
            training: batch statistics and dropout.
            pose: what to draw, [B, 2]; where it is NaN or not given, what is read.
            who: label and player, each one-hot, [B, N]; with ``model.pose``.
        """
        features, skips, shapes = inputs, [], []
        for block in self.down:
            shapes.append(features.shape[1:3])
            features = block(_even(features), training=training)
            skips.append(features)
        features = skips.pop()
        read = None if self.pose_head is None else self.pose_head(features)
        if read is not None:
            pose = read if pose is None else tf.where(tf.math.is_finite(pose), pose, read)
        condition = None if self.pose_embedding is None else self.pose_embedding(pose, who)
        flow = None
        for index, (block, to_flow) in enumerate(zip(self.up, self.to_flow, strict=True)):
            own_seed = (
                None if seed is None else tf.random.experimental.stateless_fold_in(seed, index)
            )
            features = block(features, condition, seed=own_seed, training=training)
            features = _cropped(features, shapes.pop())
            if to_flow is not None:
                flow = add_flows(flow, to_flow(features))
            skip = skips.pop()
            if len(skips) >= self.dropped_skips:
                features = tf.concat([features, skip], axis=-1)
        output = _cropped(self.to_rgb(tf.nn.relu(features)), shapes.pop())
        if output.shape[-1] > 3:
            flow = add_flows(flow, tf.transpose(output[..., 3:], [0, 3, 1, 2]))
        return UNetOutput(tf.tanh(output[..., :3]), read, pose, flow)


def _even(features: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] with zeros below and to the right where H or W is odd."""
    height, width = features.shape[1:3]
    if height % 2 == 0 and width % 2 == 0:
        return features
    return tf.pad(features, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]])


def _cropped(features: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """The inverse: the first rows and columns of [B, H, W, C], as many as ``shape`` says."""
    height, width = shape
    return features if features.shape[1:3] == shape else features[:, :height, :width]


class DownBlock(CompositeLayer):
    """Convolution, batch norm, leaky ReLU: [B, H, W, C] to [B, H / 2, W / 2, width]; H, W even.

    Skip connections carry the output; thanks to the decoder's ReLU that equals carrying the input
    of the leaky ReLU.
    """

    def __init__(self, width: int, config: ModelConfig, normalize: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convolution = DownsampleConv(
            width,
            use_bias=config.encoder_bias and not normalize,
            init_stddev=config.init_stddev,
        )
        self.norm = BatchNorm() if normalize else None

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encode one level."""
        features = self.convolution(features)
        if self.norm:
            features = self.norm(features, training=training)
        return leaky_relu(features, after_bias=self.norm is None)


class UpBlock(CompositeLayer):
    """ReLU, transposed convolution, batch norm, dropout, attention: [B, H, W, C] to twice H, W.

    With ``model.pose`` the norm's scale and offset depend on the pose (conditional batch norm:
    de Vries et al. 2017, arXiv:1707.00683).
    """

    def __init__(
        self, width: int, config: ModelConfig, dropout: bool, attend: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.convolution = UpsampleConv(width, use_bias=False, init_stddev=config.init_stddev)
        self.norm = BatchNorm()
        self.by_pose = keras.layers.Dense(2 * width, name="by_pose") if config.pose else None
        self.dropout = ReplicaDropout(config.dropout) if dropout else None
        self.attention = new_attention(config) if attend else None

    def call(
        self,
        features: tf.Tensor,
        condition: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Decode one level; ``condition`` is the embedded pose, [B, N]."""
        features = self.convolution(tf.nn.relu(features))
        features = self.norm(features, training=training)
        if self.by_pose:
            scale, offset = tf.split(self.by_pose(condition)[:, None, None, :], 2, axis=-1)
            features = features * (1.0 + scale) + offset
        if self.dropout:
            features = self.dropout(features, seed=seed, training=training)
        return self.attention(features) if self.attention else features
