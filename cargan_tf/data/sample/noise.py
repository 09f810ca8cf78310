"""Noise of a given colour, and lengths for which a Fourier transform is quick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: A transform's length is a multiple of this power of two, so its other factors are small.
LENGTH_STEP = 1 << 14


def transform_length(samples: int) -> int:
    """A length of at least ``samples`` whose Fourier transform does not hit a large prime."""
    return -(-samples // LENGTH_STEP) * LENGTH_STEP


def coloured_noise(
    samples: int,
    sample_rate: int,
    gain: Callable[[np.ndarray], np.ndarray],
    random: np.random.Generator,
) -> np.ndarray:
    """Noise of RMS 1 whose amplitude at each frequency is ``gain`` of it, float64, [samples].

    Args:
        samples: how many.
        sample_rate: in Hz.
        gain: takes frequencies in Hz, gives factors of the same shape.
        random: where the noise comes from.
    """
    length = transform_length(samples)
    white = np.fft.rfft(random.standard_normal(length))
    noise = np.fft.irfft(white * gain(np.fft.rfftfreq(length, 1 / sample_rate)), length)[:samples]
    return noise / np.sqrt((noise**2).mean())
