"""Generating with a model on a server: the client and its two transports."""
