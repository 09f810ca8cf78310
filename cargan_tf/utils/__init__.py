"""Files, remote paths, progress and processes: what knows nothing of sound or images."""
