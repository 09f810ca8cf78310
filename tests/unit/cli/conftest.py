"""Fixtures of this folder, from ``helpers``."""

from helpers.cli import cargan, nothing_shipped, write_sound  # noqa: F401
from helpers.logs import events, logging_as_before  # noqa: F401
