"""Training of the image classifier C and of the sound classifier."""
