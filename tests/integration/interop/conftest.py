"""Fixtures of this folder, from ``helpers``."""

from helpers.interop import authors_config, golden  # noqa: F401
