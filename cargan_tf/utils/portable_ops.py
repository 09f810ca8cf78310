"""A scope in which networks are traced in operations that other runtimes have, too.

Some layers are written in forms that are fast in TensorFlow and that ONNX lacks, or that its
runtimes compute slowly. Within the scope they take another form of equal value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PORTABLE: ContextVar[bool] = ContextVar("portable_ops", default=False)


@contextmanager
def portable_ops() -> Iterator[None]:
    """Graphs traced within the block are to be converted."""
    token = _PORTABLE.set(True)
    try:
        yield
    finally:
        _PORTABLE.reset(token)


def wants_portable_ops() -> bool:
    """Whether the graph that is being traced is to be converted."""
    return _PORTABLE.get()
