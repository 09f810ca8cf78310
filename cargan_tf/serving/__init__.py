"""The trained model as others use it: a SavedModel."""
