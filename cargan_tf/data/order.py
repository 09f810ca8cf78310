"""An order without a pattern, the same on every machine and in every version."""

from __future__ import annotations

import hashlib


def place_in_order(name: str, seed: int | None = None) -> tuple[bytes, str]:
    """What ``name`` is sorted by: a hash of it, and the name itself where two hashes are equal.

    Args:
        name: of a pair or a recording.
        seed: other seeds give other orders; without one there is a single order.
    """
    text = name if seed is None else f"{seed}/{name}"
    return hashlib.blake2b(text.encode(), digest_size=8).digest(), name
