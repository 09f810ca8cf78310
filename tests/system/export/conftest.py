"""Fixtures of this folder, from ``helpers``."""

from helpers.serving import (  # noqa: F401  # noqa: F401
    drawn_by_c,
    halved,
    load_model,
    loaded,
    loaded_halved,
    plain_operations,
    sounds,
    version,
)
