"""Multiply-adds of networks and of a training step, counted from the shapes of their operations."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator


def forward(network: Callable[..., object], *shapes: list[int]) -> int:
    """Of one forward pass on inputs of ``shapes``, with the batch of one in front of each.

    Convolutions and matrix products count; what is done to each number by itself does not.
    """
    specs = [tf.TensorSpec([1, *shape]) for shape in shapes]
    graph = tf.function(lambda *inputs: network(*inputs)).get_concrete_function(*specs).graph
    return sum(_multiply_adds(operation) for operation in graph.get_operations())


def _multiply_adds(operation: tf.Operation) -> int:
    shapes = [tensor.shape.as_list() for tensor in operation.inputs if tensor.shape.rank]
    if operation.type == "Conv2D":  # each output sees kernel × input channels
        return math.prod(operation.outputs[0].shape) * math.prod(shapes[1][:3])
    if operation.type == "Conv2DBackpropInput":  # transposed: each input reaches kernel × outputs
        kernel, image = shapes[-2:]
        return math.prod(image) * math.prod(kernel[:3])
    if operation.type == "MatMul":
        inner = shapes[0][0 if operation.get_attr("transpose_a") else 1]
        return math.prod(operation.outputs[0].shape) * inner
    if operation.type == "BatchMatMulV2":
        inner = shapes[0][-2 if operation.get_attr("adj_x") else -1]
        return math.prod(operation.outputs[0].shape) * inner
    return 0


def of_networks(config: Config, label_count: int) -> dict[str, int]:
    """``generator`` (one of them), ``classifier`` and ``discriminator``, forward, one image.

    Call ``use_plain_layers`` before.
    """
    size, sound = config.data.side, config.model.spectrogram_channels
    cascade = new_cascade(config, label_count)
    label = label_count if config.model.discriminator_label != "none" else 0
    discriminator = new_discriminator(config, label_count)
    generated = forward(cascade, [size, size, sound], [label_count])
    classifier = forward(cascade.classifier, [size, size, 3])
    return {
        "generator": (generated - classifier) // 2,
        "classifier": classifier,
        "discriminator": forward(discriminator, [size, size, sound + 3 + label]),
    }


def of_drawing(networks: dict[str, int]) -> int:
    """Of one image: both generators, and C between them."""
    return 2 * networks["generator"] + networks["classifier"]


def of_step(networks: dict[str, int]) -> int:
    """Of one training step and image with one backward pass.

    A backward pass costs a forward pass for the inputs and one for the weights. Both generators:
    forward, both backward. C: two images, forward and inputs. D: two images for the generators,
    forward and inputs; three pairs of its own, forward and both.
    """
    return (
        3 * 2 * networks["generator"]
        + 2 * 2 * networks["classifier"]
        + (2 * 2 + 3 * 3) * networks["discriminator"]
    )


def of_authors_step(networks: dict[str, int]) -> int:
    """The same in the authors' way: a second backward pass through both generators.

    And one that is thrown away: from D's half by the residue it was shown, through C into G1.
    """
    return (
        of_step(networks)
        + 2 * 2 * networks["generator"]
        + networks["discriminator"]
        + networks["classifier"]
        + 2 * networks["generator"]
    )
