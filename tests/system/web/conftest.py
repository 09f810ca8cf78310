"""Fixtures of this folder, from ``helpers``."""

from helpers.cli import cargan  # noqa: F401
from helpers.page import browser, microphone_file  # noqa: F401
from helpers.web import built_site  # noqa: F401
