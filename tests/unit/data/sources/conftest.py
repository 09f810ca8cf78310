"""Fixtures of this folder, from ``helpers``."""

from helpers.data import pristine_tree, tree  # noqa: F401
