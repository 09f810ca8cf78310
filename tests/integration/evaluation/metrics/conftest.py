"""Fixtures of this folder, from ``helpers``."""

from helpers.evaluation_metrics import activations_of, inputs, split  # noqa: F401
