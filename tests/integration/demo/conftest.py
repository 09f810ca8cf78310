"""Fixtures of this folder, from ``helpers``."""

from helpers.page import free_port  # noqa: F401
