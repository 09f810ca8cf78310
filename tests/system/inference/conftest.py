"""Fixtures of this folder, from ``helpers``."""

from helpers.video import film  # noqa: F401
