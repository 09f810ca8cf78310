"""TensorFlow imported without what its C++ says to nobody's use, whichever module imports it first.

From Python any module may be the first, the trainer or a metric. ``stderr_filter`` is imported only
then, as importing this package must cost nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_NAME = "tensorflow"


class _Finder(MetaPathFinder):
    """Finds TensorFlow where it is, once, and gives it a loader that is quiet."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            _silence(spec.loader)
        return spec


def _silence(loader: Any) -> None:
    loud = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        from cargan_tf.utils.stderr_filter import quiet_start

        with quiet_start():
            loud(module)

    loader.exec_module = exec_module


def import_quietly() -> None:
    """From now on the first import of TensorFlow is quiet; it is not imported here."""
    if _NAME not in sys.modules and not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
