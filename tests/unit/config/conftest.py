"""Fixtures of this folder, from ``helpers``."""

from helpers.config import check_bound, check_default  # noqa: F401
