"""What measures speed and memory, beside a reference, in one run: ``make bench``."""
