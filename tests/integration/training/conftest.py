"""Fixtures of this folder, from ``helpers``."""

from helpers.training import make  # noqa: F401
