"""The networks' weights as a model holds them: float32, or the large kernels in half of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.serving.card import Storage

#: A kernel of so many numbers or more is stored as float16: 0.99 of the quickstart model's bytes.
#: Smaller ones, biases and batch-norm statistics stay float32; variances may be too small for it.
LARGE = 2**12


class StoredWeights(tf.Module):
    """Variables of networks, and what makes the networks read them from here."""

    def __init__(self, variables: Sequence[keras.Variable], storage: Storage) -> None:
        """``storage``: with ``float16`` large kernels are stored so; float32 where they are used.

        Raises:
            UserError: a weight is beyond float16, whose largest number is 65,504.
        """
        super().__init__(name="stored_weights")
        halves = {
            id(variable): _half(variable)
            for variable in variables
            if storage == "float16" and _is_large_kernel(variable)
        }
        # TensorFlow's C++ loader, which TF Serving runs, finds variables only where a module
        # itself holds them; behind a Keras model they are "not found".
        self._stored = [halves.get(id(variable), variable.value) for variable in variables]
        self._half_of = halves.get  # a function: TensorFlow saves no dictionary with such keys

    def reading(self, network: Any) -> Callable[..., Any]:
        """``network``, not training, with the stored weights; to be called in a graph."""
        pairs = [(variable, self._half_of(id(variable))) for variable in network.variables]
        halved = [(variable, half) for variable, half in pairs if half is not None]

        def call(*inputs: tf.Tensor) -> Any:
            if not halved:
                return network(*inputs, training=False)
            in_use = [(variable, tf.cast(half, tf.float32)) for variable, half in halved]
            with keras.StatelessScope(state_mapping=in_use):
                return network(*inputs, training=False)

        return call


def _is_large_kernel(variable: keras.Variable) -> bool:
    return variable.name == "kernel" and variable.value.shape.num_elements() >= LARGE


def _half(variable: keras.Variable) -> tf.Variable:
    half = tf.cast(variable.value, tf.float16)
    if not bool(tf.reduce_all(tf.math.is_finite(half))):
        raise UserError(
            f"{variable.path} holds numbers beyond float16 (65,504): export without --float16."
        )
    return tf.Variable(half, trainable=False, name=variable.path.replace("/", "_"))
