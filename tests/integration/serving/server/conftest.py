"""Fixtures of this folder, from ``helpers``."""

from helpers.serving import invented, invented_card, server, start, version  # noqa: F401
