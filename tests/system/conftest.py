"""Processes, a browser, a C program; TensorFlow in this process for their models."""

from collections.abc import Iterator

import pytest
import tensorflow as tf
from helpers.tensorflow_process import graphs_released  # noqa: F401  (and four devices)


@pytest.fixture(scope="module", autouse=True)
def graph_optimizer() -> Iterator[None]:
    """On, as in the processes whose images are compared with this one's byte for byte."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
