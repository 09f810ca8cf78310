"""Losses, the step, the loop around it, and what is written down on the way."""
