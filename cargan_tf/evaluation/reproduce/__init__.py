"""The paper's tables: which systems are trained, what is measured, and how it is shown."""
