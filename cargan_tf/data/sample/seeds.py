"""Random numbers that depend on what they are for, and on nothing else."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator of its own for every ``purpose``, the same on every machine and in every order.

    Args:
        seed: the data set's, at least 0.
        purpose: what the numbers are for, such as ``("violin", 3, "score")``.
    """
    name = "/".join(str(part) for part in purpose)
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))
