"""Two disjoint halves of a split, the same for every measure and every row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def halves(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of two halves of ``count`` pictures in random order; of an odd one, one is spare."""
    order = np.random.default_rng(seed).permutation(count)
    middle = count // 2
    return order[:middle], order[middle : 2 * middle]
