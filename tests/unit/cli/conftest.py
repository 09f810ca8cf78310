"""Fixtures of this folder, from ``helpers``."""

from helpers.cli import cargan, nothing_shipped, write_sound  # noqa: F401
