"""The networks' weights as a model holds them: large kernels each, all small ones in one vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import Storage

#: A kernel of so many numbers or more is stored by itself, where it is asked for as float16: 0.99
#: of the quickstart model's bytes. Smaller ones, biases and batch-norm statistics stay float32;
#: variances may be too small for float16.
LARGE = 2**12


class PackedWeights(tf.Module):
    """Variables of networks, and what makes the networks read them from here.

    Small weights are four variables of five, and TensorFlow takes as long to save and load each as
    a large one: in one vector, a model is loaded in half of the time.
    """

    def __init__(self, variables: Sequence[keras.Variable], storage: Storage) -> None:
        """``storage``: with ``float16`` large kernels are stored so; float32 where they are used.

        Raises:
            UserError: a weight is beyond float16, whose largest number is 65,504.
        """
        super().__init__(name="stored_weights")
        small = [variable for variable in variables if _is_small(variable)]
        kept = {
            id(variable): _half(variable)
            if storage == "float16" and _is_large_kernel(variable)
            else variable.value
            for variable in variables
            if not _is_small(variable)
        }
        # TensorFlow's C++ loader, which TF Serving runs, finds variables only where a module
        # itself holds them; behind a Keras model they are "not found".
        self._stored = list(kept.values())
        self._small = tf.Variable(
            tf.concat([tf.reshape(variable.value, [-1]) for variable in small], axis=0),
            trainable=False,
            name="small_weights",
        )
        # Functions: TensorFlow saves no dictionary with such keys.
        self._kept = kept.get
        self._shapes = lambda: {id(variable): variable.shape for variable in small}

    def reading(self, network: Any) -> Callable[..., Any]:
        """``network``, not training, with the stored weights; to be called in a graph."""

        def call(*inputs: tf.Tensor) -> Any:
            unpacked = self._unpacked()
            in_use = []
            for variable in network.variables:
                stored = unpacked.get(id(variable), self._kept(id(variable)))
                if stored is not variable.value:
                    in_use.append((variable, tf.cast(stored, variable.dtype)))
            with keras.StatelessScope(state_mapping=in_use):
                return network(*inputs, training=False)

        return call

    def _unpacked(self) -> dict[int, tf.Tensor]:
        """The small weights by their variables' ``id``."""
        shapes = self._shapes()
        parts = tf.split(self._small, [math.prod(shape) for shape in shapes.values()])
        return {
            key: part if len(shape) == 1 else tf.reshape(part, shape)
            for (key, shape), part in zip(shapes.items(), parts, strict=True)
        }


def _is_small(variable: keras.Variable) -> bool:
    return variable.dtype == "float32" and not _is_large_kernel(variable)


def _is_large_kernel(variable: keras.Variable) -> bool:
    return variable.name == "kernel" and math.prod(variable.shape) >= LARGE


def _half(variable: keras.Variable) -> tf.Variable:
    half = tf.cast(variable.value, tf.float16)
    if not bool(tf.reduce_all(tf.math.is_finite(half))):
        raise UserError(
            f"{variable.path} holds numbers beyond float16 (65,504): export without --float16."
        )
    return tf.Variable(half, trainable=False, name=variable.path.replace("/", "_"))
