"""Processes, a browser, a C program; TensorFlow in this process for their models."""

from helpers.tensorflow_process import graphs_released  # noqa: F401  (and four devices)
