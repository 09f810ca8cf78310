"""Fixtures of this folder, from ``helpers``."""

from helpers.page import address, browser, free_port, microphone_file, visitors_files  # noqa: F401
