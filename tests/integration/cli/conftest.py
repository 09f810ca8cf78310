"""Fixtures of this folder, from ``helpers``."""

from helpers.cli import cargan, data, generate, nothing_shipped, run, tiny_yaml, tree, write_sound  # noqa: F401
from helpers.logs import events, logging_as_before  # noqa: F401
from helpers.page import free_port  # noqa: F401
