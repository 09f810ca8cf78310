"""Fixtures of this folder, from ``helpers``."""

from helpers.serving import invented, invented_card, server, start  # noqa: F401
