"""Fixtures of this folder, from ``helpers``."""

from helpers.data import config, dataset_path, pristine_tree, tree  # noqa: F401
