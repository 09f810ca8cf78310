"""TensorFlow in the tests' process: its devices, and that it lets go of graphs."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import keras
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

# Tracing makes millions of objects; collected at the default pace it takes a tenth longer.
gc.set_threshold(200_000, 50, 100)
gc.freeze()  # what is imported stays: not looked at in any collection

# Most of the time until a first step is done goes into it; processes of their own have it.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

# Four logical CPUs, so that replicas can be rehearsed; too late once TensorFlow has run anything.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)


@contextlib.contextmanager
def eagerly(wanted: bool = True) -> Iterator[None]:
    """Functions run op by op within the block, or traced: two steps take less than tracing one."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(wanted)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="module", autouse=True)
def graphs_released() -> Iterator[None]:
    """Release the graphs that a module has traced.

    TensorFlow registers each custom gradient of a graph for good, and with it holds the graph: one
    process that runs all tests grew to 9 GB.
    """
    yield
    registered = ops.gradient_registry._registry
    custom = [name for name in registered if name.startswith("CustomGradient-")]
    if not custom:  # nothing big was traced, and collecting takes a second
        return
    for name in custom:
        del registered[name]
    keras.backend.clear_session()  # and collects
