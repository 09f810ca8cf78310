"""Training experiments that docs/explanation/results.md reports."""
