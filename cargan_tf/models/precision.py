"""The numbers that layers compute in: float32, or half as wide (Micikevicius et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import keras
import tensorflow as tf

Precision = Literal["float32", "bfloat16", "float16"]

#: What a layer is made with that takes its input as it comes and computes in float32 itself.
EXACT = {"dtype": "float32", "autocast": False}


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Layers made within keep their weights in float32 and multiply in ``precision``.

    The cascade, batch norm's statistics, softmax and what networks give stay float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(
        precision if precision == "float32" else f"mixed_{precision}",
    )
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def exact(values: tf.Tensor) -> tf.Tensor:
    """``values`` in float32, where a result leaves the network or is summed over many places."""
    return tf.cast(values, tf.float32)
