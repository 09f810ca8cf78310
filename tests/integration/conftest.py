"""TensorFlow in this process."""

from helpers.tensorflow_process import graphs_released  # noqa: F401  (and four devices)
