"""Fixtures of this folder, from ``helpers``."""

from helpers.interop import authors_config  # noqa: F401
from helpers.serving import loaded, sounds, version, write_report  # noqa: F401
