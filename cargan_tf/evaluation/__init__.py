"""How good a run is, by measures that can be believed: figures, their limits, and the images."""
