"""The paper's tables: which systems are trained, what is measured of each, and how it is shown."""
