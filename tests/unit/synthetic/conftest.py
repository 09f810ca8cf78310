"""Fixtures of this folder, from ``helpers``."""

from helpers.data_sample import rows, small_set  # noqa: F401
