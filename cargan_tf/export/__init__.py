"""From a run to a SavedModel, its metadata, and the models that are installed."""
