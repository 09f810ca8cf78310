"""An evaluation as one HTML file: images, plots and values of a run."""
