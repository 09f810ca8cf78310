"""Sound files to clips, clips to log-mel spectrograms: by librosa, and the same in-graph."""
