"""Weight storage of exported models: large kernels separately, all small weights in one vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import Storage

#: Kernels with at least this many values are stored separately, optionally as float16: 99 % of the
#: quickstart model's bytes. Smaller ones, biases and batch-norm statistics stay float32; variances
#: may underflow in float16.
LARGE = 2**12


class PackedWeights(tf.Module):
    """Stores the variables of networks, and makes the networks read them from here.

    Four of five variables are small, and TensorFlow takes as long to load each as a large one:
    packed into one vector, a model loads in half the time.
    """

    def __init__(self, variables: Sequence[keras.Variable], storage: Storage) -> None:
        """With ``storage`` ``float16`` large kernels are stored as float16 and used as float32.

        Raises:
            UserError: a weight exceeds the range of float16 (65,504).
        """
        super().__init__(name="packed_weights")
        small = [variable for variable in variables if _is_small(variable)]
        kept = {
            id(variable): _half(variable)
            if storage == "float16" and is_large_kernel(variable)
            else variable.value
            for variable in variables
            if not _is_small(variable)
        }
        # TensorFlow's C++ loader, which TF Serving uses, finds variables only as direct attributes
        # of a module; behind a Keras model they are "not found".
        self._stored = list(kept.values())
        self._small = tf.Variable(
            tf.concat([tf.reshape(variable.value, [-1]) for variable in small], axis=0),
            trainable=False,
            name="small_weights",
        )
        # Functions, as TensorFlow cannot save dictionaries with such keys.
        self._kept = kept.get
        self._shapes = lambda: {id(variable): variable.shape for variable in small}

    def reading(self, network: Any) -> Callable[..., Any]:
        """``network`` in inference mode with the stored weights; call it in a graph."""

        def call(*inputs: tf.Tensor) -> Any:
            with keras.StatelessScope(state_mapping=list(self._values(network))):
                return network(*inputs, training=False)

        return call

    def unpack(self, network: Any) -> None:
        """Assign the stored values to the variables of ``network``, after a restore."""
        for variable, value in self._values(network):
            variable.assign(value)

    def _values(self, network: Any) -> Iterator[tuple[keras.Variable, tf.Tensor]]:
        """The variables of ``network`` that are not stored as they are, and their values."""
        unpacked = self._unpacked()
        for variable in network.variables:
            stored = unpacked.get(id(variable), self._kept(id(variable)))
            if stored is not variable.value:
                yield variable, tf.cast(stored, variable.dtype)

    def _unpacked(self) -> dict[int, tf.Tensor]:
        """The small weights by their variables' ``id``."""
        shapes = self._shapes()
        parts = tf.split(self._small, [math.prod(shape) for shape in shapes.values()])
        return {
            key: part if len(shape) == 1 else tf.reshape(part, shape)
            for (key, shape), part in zip(shapes.items(), parts, strict=True)
        }


def _is_small(variable: keras.Variable) -> bool:
    return variable.dtype == "float32" and not is_large_kernel(variable)


def is_large_kernel(variable: keras.Variable) -> bool:
    """Whether it is a kernel of at least ``LARGE`` values."""
    return variable.name == "kernel" and math.prod(variable.shape) >= LARGE


def _half(variable: keras.Variable) -> tf.Variable:
    half = tf.cast(variable.value, tf.float16)
    if not bool(tf.reduce_all(tf.math.is_finite(half))):
        raise UserError(
            f"{variable.path} has values beyond float16's range (65,504): export without --float16."
        )
    return tf.Variable(half, trainable=False, name=variable.path.replace("/", "_"))
