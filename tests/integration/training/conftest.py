"""Fixtures of this folder, from ``helpers``."""

from helpers.training import (  # noqa: F401
    batch,
    make,
    moved,
    new_cascade_step,
    new_tiny_step,
    small_config,
    tiny_batch,
)
