"""What a sound may be: how long, at which rate, of how many channels; held against its header."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError

MAX_SECONDS: Final = 3_600
"""An hour: longer than a concert's movement; 635 MB once it is mono at 44.1 kHz."""

MAX_FRAMES: Final = MAX_SECONDS * 96_000
"""Samples per channel: an hour at studio rate, so that a small, well-compressed file at an extreme
rate cannot take all time."""

MAX_CHANNELS: Final = 64
"""More than any microphone array on sale; waveforms given as [channels, samples] exceed it."""

MIN_RATE: Final = 1_000
"""Hz; below it nothing of an instrument but its lowest notes is left."""

MAX_RATE: Final = 768_000
"""Hz; the highest rate of studio converters."""

_UNKNOWN_FRAMES: Final = 2**63 - 1
"""libsndfile's count for FLAC written to a pipe, with no length in its header. soundfile 0.13
fails at the end of it."""


def check_format(name: str, rate: int, channels: int) -> None:
    """Refuse a rate or a number of channels out of bounds, before anything is allocated.

    Raises:
        UserError: ``name`` has such a one.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise UserError(
            f"{name} has {channels} channels; expected 1 to {MAX_CHANNELS}: mix it down first"
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(
            f"{name} has a rate of {rate} Hz; expected {MIN_RATE} to {MAX_RATE} Hz:"
            " check the rate or resample it first"
        )


def check_length(name: str, frames: int, rate: int) -> None:
    """Refuse a length that a header (or a caller) announces.

    Raises:
        UserError: it is unknown, none or too long.
    """
    if frames == _UNKNOWN_FRAMES:
        raise UserError(
            f"{name} does not say how long it is (it was written to a pipe); expected a length in"
            " its header: write it again with ffmpeg -i OLD NEW"
        )
    if frames <= 0:
        raise UserError(f"{name} holds no samples; expected a recording: check that it is whole")
    longest = min(MAX_SECONDS * rate, MAX_FRAMES)
    if frames > longest:
        raise UserError(
            f"{name} lasts {frames / rate:.1f} s; expected at most {longest / rate:.0f} s"
            f" at {rate} Hz: cut it into parts first"
        )


def check_finite(mono: NDArray[np.float32], rate: int, name: str, before: int = 0) -> None:
    """Refuse NaN and infinity; ``before`` samples came earlier.

    Raises:
        UserError: one of ``mono``'s samples is such a one; it says at which second.
    """
    finite = np.isfinite(mono)
    if not finite.all():
        first = before + int(np.argmin(finite))
        raise UserError(
            f"{name} holds a NaN or infinite sample at {first / rate:.3f} s; expected finite"
            " samples: export the sound again"
        )
