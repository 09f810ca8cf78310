"""An evaluation as a page: pictures, plots and figures of one run, in one HTML file."""
