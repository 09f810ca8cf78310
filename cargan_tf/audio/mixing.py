"""Two sounds as one: what ``cargan generate --mix`` and a walk between two sounds listen to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip
from cargan_tf.errors import UserError

Samples = NDArray[np.float32]

#: A root mean square below this is silence: half a bit of 24-bit sound.
_SILENCE = 2.0**-24


def mix_clips(first: Clip, second: Clip, alpha: float) -> Clip:
    """The two played at once: ``1 - alpha`` of the first and ``alpha`` of the second.

    The mix is of waveforms. Both are first brought to one loudness (root mean square), so that a
    soft sound is heard beside a loud one; the mix then gets the loudness that lies between theirs,
    in decibels, at ``alpha``. At 0 and 1 it is one of the two, untouched.

    Args:
        first: of the same length as ``second``.
        second: a clip.
        alpha: 0 to 1.

    Returns:
        The mix; its place is the first's, and it is padded where both are.

    Raises:
        UserError: ``alpha`` is out of bounds.
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha = {alpha} was received; expected 0 (the first sound) to 1.")
    samples = mix_waveforms(first.samples, second.samples, alpha)
    return Clip(samples, first.start, min(first.padded, second.padded))


def mix_waveforms(first: Samples, second: Samples, alpha: float) -> Samples:
    """[samples] and [samples] to [samples]; see ``mix_clips``."""
    if alpha in (0, 1):
        return second if alpha else first
    loudness = [root_mean_square(sound) for sound in (first, second)]
    if min(loudness) < _SILENCE:  # silence cannot be brought to any loudness
        return ((1 - alpha) * first + alpha * second).astype(np.float32)
    mix = (1 - alpha) * first / loudness[0] + alpha * second / loudness[1]
    wanted = loudness[0] ** (1 - alpha) * loudness[1] ** alpha
    return (mix * wanted / max(root_mean_square(mix), _SILENCE)).astype(np.float32)


def root_mean_square(samples: Samples) -> float:
    """How loud [samples] are, full scale at ±1; summed in float64."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
