"""The authors' PyTorch checkpoints, in and out, without PyTorch."""
