"""Feature networks for FID, KID and IS, and the independent evaluator."""
