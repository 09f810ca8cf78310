"""The model that ships with the package, as a SavedModel."""
