"""Fixtures of this folder, from ``helpers``."""

from helpers.data import config, pristine_tree, tree  # noqa: F401
