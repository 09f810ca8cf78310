"""Fixtures of this folder, from ``helpers``."""

from helpers.interop import authors_config  # noqa: F401
from helpers.serving import halved, loaded, loaded_halved, sounds, version, write_report  # noqa: F401  # noqa: F401
