"""Damaged, unusual and fuzzed files, and what reads them."""
