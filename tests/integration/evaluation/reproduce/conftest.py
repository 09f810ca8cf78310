"""Fixtures of this folder, from ``helpers``."""

from helpers.evaluation import report  # noqa: F401
