"""Fixtures of this folder, from ``helpers``."""

from helpers.data_sample import small_set  # noqa: F401
