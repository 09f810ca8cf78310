"""Importing TensorFlow without the lines it prints about itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cargan_cli.logs import log_from_now_on

from cargan_tf.utils.files import is_remote
from cargan_tf.utils.stderr_filter import filter_standard_error
from cargan_tf.utils.stderr_filter import import_tensorflow as quietly_imported

#: Keras imports them for what nothing here uses, wrappers, plots and tables: two fifths of the
#: import.
_UNUSED = ("sklearn", "matplotlib", "pandas")
#: Optimizing the graph of a 128-pixel model takes 0.4 s and saves a few ms per image.
FEW_IMAGES = 16
_NO_OPTIMIZER = "disable_meta_optimizer"


def import_tensorflow(start_devices: bool = True) -> None:
    """Import TensorFlow and start its devices, without what it says to nobody's use from then on.

    ``start_devices=False`` leaves the devices for ``make_strategy`` to split or choose.
    """
    if "tensorflow" in sys.modules:
        return
    filter_standard_error()
    with _hidden(*_UNUSED):
        quietly_imported(start_devices)


def begin_process(log_json: bool) -> None:
    """The same at the start of a further process of a command, with its warnings as the first
    process has them."""
    log_from_now_on(log_json)
    import_tensorflow()


def import_for(path: Path) -> None:
    """Import TensorFlow, quietly, if ``path`` is where only TensorFlow reads."""
    if is_remote(path):
        import_tensorflow(start_devices=False)


@contextmanager
def without_graph_optimizer(images: int) -> Iterator[None]:
    """Within the block TensorFlow does not make its graphs faster first, where only so many
    images are drawn that it would take longer than it saves."""
    tf = sys.modules.get("tensorflow")
    if tf is None or images > FEW_IMAGES:
        yield
        return
    optimizer = tf.config.optimizer
    before = optimizer.get_experimental_options().get(_NO_OPTIMIZER, False)
    optimizer.set_experimental_options({_NO_OPTIMIZER: True})
    try:
        yield
    finally:
        optimizer.set_experimental_options({_NO_OPTIMIZER: before})


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Within the block ``modules`` are as if not installed, unless they are there already."""
    absent = [name for name in modules if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own sign for it
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
