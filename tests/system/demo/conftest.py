"""Fixtures of this folder, from ``helpers``."""

from helpers.page import address, browser, free_port, visitors_files  # noqa: F401
