"""How good the pictures are, and whether they follow the sound."""
