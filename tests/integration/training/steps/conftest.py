"""Fixtures of this folder, from ``helpers``."""

from helpers.training import batch, moved, new_cascade_step, new_tiny_step, small_config, tiny_batch  # noqa: F401
