"""The window that all spectra are taken through."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(32)
def periodic_hann(length: int) -> NDArray[np.float64]:
    """[length] as librosa takes it, not to be written to: all who ask for it are given the same.

    ``tf.signal.hann_window`` differs where length is odd.
    """
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    window.flags.writeable = False
    return window
