"""Evaluation of a run: metrics and the report."""
