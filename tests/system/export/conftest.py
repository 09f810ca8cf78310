"""Fixtures of this folder, from ``helpers``."""

from helpers.serving import drawn_by_c, load_model, loaded, plain_operations, sounds, version  # noqa: F401
