"""Moving the pixels of a photo by a flow field (ours, ``model.warp``).

The generator predicts where in the player's photo each pixel comes from instead of rendering it
again, so thin lines stay sharp. Sampling is that of spatial transformers (Jaderberg et al. 2015,
arXiv:1506.02025); a flow for each pixel is that of view synthesis by appearance flow (Zhou et al.
2016, arXiv:1605.03557).
"""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.models.base import FLOAT32_LAYER, CompositeLayer, to_float32

#: A flow of 1 is this part of the image's height or width.
FLOW_UNIT: Final = 1 / 32
#: Maps of a decoder with at least as many positions a side have a part in the flow.
MIN_FLOW_SIDE: Final = 8


class FlowHead(CompositeLayer):
    """One decoder level's part of the flow, [B, h, w, C] to [B, 2, h, w]: none at the beginning."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        self.convolution = keras.layers.Conv2D(
            2, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="flow"
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """The flow of each position in units of ``FLOW_UNIT``: down and to the right."""
        flow = self.convolution(tf.nn.relu(to_float32(features)))
        return tf.transpose(flow, [0, 3, 1, 2])


def add_flows(coarse: tf.Tensor | None, fine: tf.Tensor) -> tf.Tensor:
    """``fine``, [B, 2, H, W], plus ``coarse``, [B, 2, h, w], interpolated linearly to its size."""
    if coarse is None:
        return fine
    rows = interpolation_matrix(coarse.shape[2], fine.shape[2])
    columns = interpolation_matrix(coarse.shape[3], fine.shape[3])
    return fine + tf.matmul(tf.matmul(rows, coarse), columns.T)


def interpolation_matrix(size: int, new_size: int) -> NDArray[np.float32]:
    """[new_size, size]: linear interpolation between the centers of positions.

    A product with it takes the place of ONNX's Resize, which a file could use to allocate any size.
    """
    centers = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    distances = np.abs(np.clip(centers, 0, size - 1)[:, None] - np.arange(size))
    return np.maximum(0.0, 1.0 - distances).astype(np.float32)


def warp(image: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """The image with pixels from elsewhere: at position p what is at p + flow(p), [B, H, W, 3].

    Between pixels it is interpolated bilinearly (Jaderberg et al. 2015, Eq. 5), beyond the edge it
    is the edge. The flow has a gradient.

    Args:
        image: [B, H, W, 3].
        flow: [B, 2, H, W], in units of ``FLOW_UNIT``.
    """
    height, width = image.shape[1:3]
    y, from_top = _between(tf.range(height, dtype=tf.float32)[:, None], flow[:, 0], height)
    x, from_left = _between(tf.range(width, dtype=tf.float32), flow[:, 1], width)
    # The four neighbors of each position side by side, to be fetched at once.
    corners = [image[:, :-1, :-1], image[:, :-1, 1:], image[:, 1:, :-1], image[:, 1:, 1:]]
    patches = tf.reshape(tf.concat(corners, -1), [-1, (height - 1) * (width - 1), 4 * 3])
    indices = tf.reshape(y * (width - 1) + x, [-1, height * width])
    patches = tf.reshape(tf.gather(patches, indices, batch_dims=1), [-1, height, width, 4, 3])
    down, right = from_top[..., None], from_left[..., None]
    weights = [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    return tf.reduce_sum(patches * tf.stack(weights, -2), axis=3)


def _between(positions: tf.Tensor, flow: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Where ``flow`` leads from ``positions``: the pixel before, and how far beyond it, 0 to 1."""
    target = tf.clip_by_value(positions + flow * (size * FLOW_UNIT), 0.0, size - 1.0)
    before = tf.stop_gradient(tf.minimum(tf.floor(target), size - 2.0))
    # Whole numbers are bounded as well: a flow that is not a number must not lead outside.
    return tf.clip_by_value(tf.cast(before, tf.int32), 0, size - 2), target - before
