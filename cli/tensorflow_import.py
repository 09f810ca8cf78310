"""Starting TensorFlow without the lines it prints about itself."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cargan_tf.remote import is_remote

#: Said at every start on a machine without a GPU, or whose cores do not compute in float16, about
#: nothing the user did or could do.
KNOWN_LINES = (
    b"All log messages before absl::InitializeLog() is called are written to STDERR",
    b"oneDNN custom operations are on",
    b"This TensorFlow binary is optimized to use available CPU instructions",
    b"To enable the following instructions:",
    b"Could not find cuda drivers on your machine",
    b"failed call to cuInit",
    b"Cannot dlopen some GPU libraries",
    b"oneDNN supports DT_",
)


def import_tensorflow(start_devices: bool = True) -> None:
    """Import TensorFlow and start its devices, quietly.

    ``start_devices=False`` leaves the devices for ``make_strategy`` to split or choose.
    """
    if "tensorflow" in sys.modules:
        return
    with known_lines_dropped():
        import tensorflow as tf

        if start_devices:
            tf.config.list_logical_devices()
            # The first use of float16, in which models may store their weights, is remarked on once
            # a process: here, where it is not passed on.
            tf.cast(tf.zeros([1], tf.float16), tf.float32)


def import_for(path: Path) -> None:
    """Import TensorFlow, quietly, if ``path`` is where only TensorFlow reads."""
    if is_remote(path):
        import_tensorflow(start_devices=False)


@contextmanager
def known_lines_dropped() -> Iterator[None]:
    """Pass on what is written to standard error meanwhile, but for ``KNOWN_LINES``.

    They come from C++, some before any log level applies, so only the file descriptor can be
    watched.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        terminal = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            caught.seek(0)
            for line in caught:
                if not any(known in line for known in KNOWN_LINES):
                    os.write(2, line)
