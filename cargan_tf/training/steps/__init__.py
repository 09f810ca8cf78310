"""One training step of each kind of model."""
