"""The leaky ReLU of encoder and discriminator, in the form that TensorFlow can optimise."""

from __future__ import annotations

import tensorflow as tf

#: pix2pix's slope below 0.
SLOPE = 0.2


def leaky_relu(features: tf.Tensor, after_bias: bool) -> tf.Tensor:
    """``max(x, 0.2 x)``, any shape.

    ``after_bias`` says that a biased convolution without batch norm made the features: TensorFlow's
    graph optimiser stumbles over LeakyRelu there ("remapper failed") and then fuses nothing in the
    whole graph. The same function in other operations it can read.
    """
    return (
        tf.maximum(features, SLOPE * features) if after_bias else tf.nn.leaky_relu(features, SLOPE)
    )
