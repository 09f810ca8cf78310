"""Importing TensorFlow without the lines that it prints about itself."""

from __future__ import annotations

import os
import sys

from cargan_tf.utils.stderr_filter import without_known_lines


def import_tensorflow(start_devices: bool = True) -> None:
    """Import TensorFlow, unless it is imported, and start its devices.

    What its C++ says at that to nobody's use is not passed on. ``TF_CPP_MIN_LOG_LEVEL`` is set to
    leave out further notes to its own developers, unless the program has set it.

    Args:
        start_devices: false leaves the devices for somebody else to split or choose.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with without_known_lines():
        import tensorflow as tf

        if start_devices:
            tf.config.list_logical_devices()
