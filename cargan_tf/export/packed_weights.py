"""Weight storage of exported models: large kernels separately, all small weights in one vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError, first_line
from cargan_tf.export.metadata import Storage

#: Kernels with at least this many values are stored separately, optionally as float16: 99 % of the
#: quickstart model's bytes. Smaller ones, biases and batch-norm statistics stay float32; variances
#: may underflow in float16.
LARGE = 2**12
#: Of the variables' names in an exported checkpoint.
_PREFIX, _SUFFIX = "_weights", ".ATTRIBUTES/VARIABLE_VALUE"


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
            if storage == "float16" and _is_large_kernel(variable)
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
            unpacked = self._unpacked()
            state_mapping = []
            for variable in network.variables:
                stored = unpacked.get(id(variable), self._kept(id(variable)))
                if stored is not variable.value:
                    state_mapping.append((variable, tf.cast(stored, variable.dtype)))
            with keras.StatelessScope(state_mapping=state_mapping):
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


def read_packed(version: Path, variables: Sequence[keras.Variable]) -> None:
    """Read the weights of an exported model into variables, without loading its graphs.

    Args:
        version: the folder of an exported version.
        variables: of its image generator, in the order in which they were exported.

    Raises:
        UserError: the weights are damaged or of other networks.
    """
    try:
        reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
        small = reader.get_tensor(f"{_PREFIX}/_small/{_SUFFIX}")
        large = position = 0
        values = []
        for variable in variables:
            if _is_small(variable):
                count = math.prod(variable.shape)
                value = small[position : position + count].reshape(variable.shape)
                position += count
            else:
                value = reader.get_tensor(f"{_PREFIX}/_stored/{large}/{_SUFFIX}")
                large += 1
            if value.shape != tuple(variable.shape):
                raise ValueError(f"{variable.path} has shape {value.shape}")
            values.append(value)
    except (ValueError, KeyError, RuntimeError, tf.errors.OpError) as error:
        raise UserError(
            f"the weights of {version} are damaged or of other networks: {first_line(error)}"
        ) from error
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _is_small(variable: keras.Variable) -> bool:
    return variable.dtype == "float32" and not _is_large_kernel(variable)


def _is_large_kernel(variable: keras.Variable) -> bool:
    return variable.name == "kernel" and math.prod(variable.shape) >= LARGE


def _half(variable: keras.Variable) -> tf.Variable:
    half = tf.cast(variable.value, tf.float16)
    if not bool(tf.reduce_all(tf.math.is_finite(half))):
        raise UserError(
            f"{variable.path} has values beyond float16's range (65,504): export without --float16."
        )
    return tf.Variable(half, trainable=False, name=variable.path.replace("/", "_"))
