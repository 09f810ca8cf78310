"""Fixtures of this folder, from ``helpers``."""

from helpers.serving_server import live  # noqa: F401
