"""Fixtures of this folder, from ``helpers``."""

from helpers.evaluation import drawn_from, generated, make_report, tiny_evaluator  # noqa: F401
