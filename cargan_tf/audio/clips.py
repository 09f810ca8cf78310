"""Select the clip of a sound, the loudest by default; cut, mix and store clips."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.utils.arrays import FloatArray

#: Seconds between the windows that are compared in search of the loudest one.
LOUDNESS_HOP_SECONDS: Final = 0.01
#: Windows of a recording from which the instrument is recognized, at most, evenly spread.
RECOGNITION_WINDOWS: Final = 64
#: Windows this much softer than the loudest are passed over.
BELOW_LOUDEST_DB: Final = 30.0

_TIE: Final = 1e-6
"""Windows whose energies differ by less than this fraction (4e-6 dB, far below hearing) are equally
loud; it is more than the round-off of a cumulative sum over an hour."""

_SUMMED_SAMPLES: Final = 1 << 20
"""Samples whose energies are summed at a time: 8 MB."""


#: The window with the most energy is kept if half of it is audible, or if it is within 3 dB of the
#: loudest after weighting.
_AUDIBLE_ENOUGH: Final = 0.5
#: With a smaller audible part a window does not count for recognition; the lowest note of a double
#: bass has three times as much.
_INAUDIBLE: Final = 0.1
#: Part of the power from which an offset is taken out: 10 dB below all of the sound.
_OFFSET_POWER: Final = 0.1
#: Samples; fewer hold no whole wave of 20 Hz at 8 kHz, so that their mean is not yet an offset.
_FEWEST_WITH_OFFSET: Final = 400
#: Hz; what is outside is inaudible, and K-weighting leaves too much of it.
_LOWEST_AUDIBLE, _HIGHEST_AUDIBLE = 20.0, 16_000.0
#: Quality factors of the two sections of the Butterworth filters of order 4 at both: 8 Hz are 32
#: dB down.
_BUTTERWORTH_QUALITIES: Final = tuple(1 / (2 * math.cos(k * math.pi / 8)) for k in (1, 3))

#: The value of 1.0 in 16-bit samples.
INT16_SCALE: Final = 32_767
#: A root mean square below this is silence: half a bit of 24-bit sound.
_SILENCE = 2.0**-24


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of a waveform, of the length a model expects.

    Attributes:
        samples: [clip_samples], full scale at ±1.
        start: sample of the waveform at which the clip begins.
        padded: number of zeros at its end that the waveform did not hold.
        notes: what was put right in the sound that it was cut from.
    """

    samples: NDArray[np.float32]
    start: int
    padded: int
    notes: tuple[str, ...] = ()


def select_clip(mono: FloatArray, audio: AudioConfig, start: float | None) -> Clip:
    """The clip of a sound that an image is generated from.

    Args:
        mono: [samples] at the model's sample rate.
        audio: sample rate and length of a clip.
        start: its start in seconds; by default the loudest window.

    Raises:
        UserError: a start that is not a number, or not within the sound.
    """
    samples, rate = audio.clip_samples, audio.sample_rate
    mono = without_offset(mono)
    if start is None:
        begin = loudest_start(mono, samples, round(LOUDNESS_HOP_SECONDS * rate), rate)
    elif math.isfinite(start):
        begin = round(start * rate)
    else:
        raise UserError(f"received a start of {start} s: give the start of the clip in seconds.")
    return cut_clip(mono, begin, samples, sample_rate=rate)


def recognition_windows(mono: FloatArray, clip_samples: int, sample_rate: int) -> FloatArray:
    """Half seconds all over a sound, of which the instrument is recognized.

    Args:
        mono: [samples].
        clip_samples: samples of a window.
        sample_rate: Hz.

    Returns:
        [W, clip_samples]: windows that overlap by half, without the soft ones, and without those
        that hold next to nothing but what is not heard, such as a thump of 8 Hz.
    """
    mono = without_offset(mono)
    last = max(0, len(mono) - clip_samples)
    count = min(RECOGNITION_WINDOWS, 1 + 2 * last // clip_samples)
    starts = np.unique(np.linspace(0, last, count).round().astype(int))
    windows = np.stack([cut_clip(mono, int(start), clip_samples).samples for start in starts])
    sections = loudness_filter(sample_rate)
    audible = np.array([_audible_fraction(window, sections) for window in windows])
    if np.any(audible >= _INAUDIBLE):
        windows = windows[audible >= _INAUDIBLE]
    loudness = np.array([root_mean_square(window) for window in windows])
    return windows[loudness >= loudness.max() * 10 ** (-BELOW_LOUDEST_DB / 20)]


def cut_clip(
    waveform: NDArray[Any], start: int, clip_samples: int, sample_rate: int | None = None
) -> Clip:
    """Cut one clip out of a waveform; zeros follow where the waveform ends early.

    Args:
        waveform: [samples], mono.
        start: sample at which the clip begins.
        clip_samples: samples of the clip.
        sample_rate: Hz, to name times in seconds in a message; samples are named without it.

    Returns:
        The clip; its samples are a copy.

    Raises:
        UserError: ``start`` is negative or not before the end of the waveform.
    """
    _check_mono(waveform)
    _check_positive("clip_samples", clip_samples)
    length = waveform.shape[0]
    if not 0 <= start < length:
        raise UserError(
            f"received a start of {_time(start, sample_rate)}, and the sound lasts"
            f" {_time(length, sample_rate)}: give a start from 0 to before the end"
        )
    held = waveform[start : start + clip_samples]
    samples = np.zeros(clip_samples, np.float32)
    samples[: len(held)] = held
    return Clip(samples=samples, start=int(start), padded=clip_samples - len(held))


def loudest_start(
    waveform: NDArray[Any], clip_samples: int, hop: int, sample_rate: int | None = None
) -> int:
    """Find where the loudest clip of a waveform begins.

    Args:
        waveform: [samples], mono.
        clip_samples: samples of a clip.
        hop: samples between the starts compared: 0, hop, 2 hop, ... as long as a clip fits.
        sample_rate: Hz. With it a window that owes its energy to what is hardly audible (an offset,
            a shaking stand, ultrasound) gives way to the loudest after ``loudness_filter``.

    Returns:
        The start, in samples, of the window with the most energy; the first of equals, and 0 for
        a waveform shorter than a clip.
    """
    _check_mono(waveform)
    _check_positive("clip_samples", clip_samples)
    _check_positive("hop", hop)
    length = waveform.shape[0]
    if length <= clip_samples:
        return 0
    starts = np.arange(0, length - clip_samples + 1, hop)
    energies = _window_energies(waveform, starts, clip_samples)
    loudest = _first_of_most(energies)
    if sample_rate is None:
        return int(starts[loudest])
    sections = loudness_filter(sample_rate)
    window = waveform[starts[loudest] : starts[loudest] + clip_samples]
    if _audible_fraction(window, sections) < _AUDIBLE_ENOUGH:
        weighted = _window_energies(waveform, starts, clip_samples, sections)
        if weighted[loudest] < _AUDIBLE_ENOUGH * weighted.max():
            loudest = _first_of_most(weighted)
    return int(starts[loudest])


def loudness_filter(sample_rate: int) -> NDArray[np.float64]:
    """The filter that weights frequencies by loudness: K-weighting from 20 Hz to 16 kHz.

    K-weighting is that of ITU-R BS.1770-5, annex 1: a shelf for the head and a high-pass, given
    there at 48 kHz. For other rates they are derived from the analog filters that the bilinear
    transform takes to those coefficients.

    Args:
        sample_rate: Hz.

    Returns:
        [sections, 6], second-order sections as SciPy takes them.
    """
    frequency = np.tan(np.pi * _LOWEST_AUDIBLE / sample_rate)
    sections = []
    for quality in _BUTTERWORTH_QUALITIES:
        gain = 1 / (1 + frequency / quality + frequency**2)
        sections.append([gain, -2 * gain, gain, *_poles(frequency, quality)])
    frequency = np.tan(np.pi * 38.13547087602444 / sample_rate)
    sections.append([1.0, -2.0, 1.0, *_poles(frequency, 0.5003270373238773)])
    if sample_rate > 2.2 * 1_681.974450955533:
        frequency = np.tan(np.pi * 1_681.974450955533 / sample_rate)
        quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
        band = high**0.4996667741545416 * frequency / quality
        zeros = (high + band + frequency**2, 2 * (frequency**2 - high), high - band + frequency**2)
        scale = 1 + frequency / quality + frequency**2
        sections.append([*(zero / scale for zero in zeros), *_poles(frequency, quality)])
    if sample_rate > 2.2 * _HIGHEST_AUDIBLE:
        frequency = np.tan(np.pi * _HIGHEST_AUDIBLE / sample_rate)
        for quality in _BUTTERWORTH_QUALITIES:
            gain = frequency**2 / (1 + frequency / quality + frequency**2)
            sections.append([gain, 2 * gain, gain, *_poles(frequency, quality)])
    return np.array(sections)


def _audible_fraction(window: NDArray[Any], sections: NDArray[np.float64]) -> float:
    """The fraction of a window's energy that a filter leaves, from its spectrum.

    In NumPy alone: importing ``scipy.signal``, which filters a whole recording, takes a second.
    """
    power = np.abs(np.fft.rfft(window.astype(np.float64))) ** 2
    delay = np.exp(-1j * np.linspace(0, np.pi, len(power)))  # of one sample, at each frequency
    delays = np.stack([np.ones_like(delay), delay, delay**2])
    response = np.prod((sections[:, :3] @ delays) / (sections[:, 3:] @ delays), axis=0)
    return float((power * np.abs(response) ** 2).sum() / max(power.sum(), _SILENCE))


def _poles(frequency: float, quality: float) -> tuple[float, float, float]:
    """Denominator of a second-order section; ``frequency`` as the bilinear transform warps it."""
    scale = 1 + frequency / quality + frequency**2
    last = (1 - frequency / quality + frequency**2) / scale
    return 1.0, 2 * (frequency**2 - 1) / scale, last


def _first_of_most(energies: NDArray[np.float64]) -> int:
    return int(np.argmax(energies >= energies.max() * (1 - _TIE)))


def without_offset(waveform: FloatArray) -> FloatArray:
    """[samples] without its mean, where that is inaudible but counts as loudness.

    A smaller offset, as of any converter, stays: the same samples are returned. So do fewer
    samples than one wave of the lowest audible tone.
    """
    if waveform.size < _FEWEST_WITH_OFFSET:
        return waveform
    offset = float(waveform.mean(dtype=np.float64))
    if offset**2 <= _OFFSET_POWER * root_mean_square(waveform) ** 2:
        return waveform
    return (waveform - np.float32(offset)).astype(np.float32)


def louder(clip: Clip, decibels: float) -> Clip:
    """The clip with its samples scaled by so many decibels."""
    gain = 10.0 ** (decibels / 20.0)
    return replace(clip, samples=(clip.samples * gain).astype(np.float32))


def _window_energies(
    waveform: NDArray[Any],
    starts: NDArray[np.intp],
    clip_samples: int,
    sections: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Energy of the windows at ``starts``, of the waveform or of what a filter leaves of it."""
    ends = starts + clip_samples
    positions = np.union1d(starts, ends)
    energies = _energy_before(waveform, positions, sections)
    return energies[np.searchsorted(positions, ends)] - energies[np.searchsorted(positions, starts)]


def _energy_before(
    waveform: NDArray[Any],
    positions: NDArray[np.intp],
    sections: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Energy before each of ``positions``, which ascend; summed part by part, in float64, as the
    sums of a long recording would take twice the recording's memory."""
    energies = np.zeros(len(positions), np.float64)
    before = 0.0
    state = None
    if sections is not None:
        from scipy.signal import sosfilt, sosfilt_zi

        state = sosfilt_zi(sections) * float(waveform[0])  # as if it had been so before
    for first in range(0, waveform.shape[0], _SUMMED_SAMPLES):
        part = waveform[first : first + _SUMMED_SAMPLES]
        if state is not None:
            part, state = sosfilt(sections, part.astype(np.float64), zi=state)
        sums = np.empty(len(part) + 1, np.float64)
        sums[0] = before
        np.square(part, out=sums[1:], dtype=np.float64)
        np.cumsum(sums, out=sums)
        begin, end = np.searchsorted(positions, (first, first + len(part) + 1))
        energies[begin:end] = sums[positions[begin:end] - first]
        before = sums[-1]
    return energies


def _check_mono(waveform: NDArray[Any]) -> None:
    if waveform.ndim != 1:
        raise UserError(
            f"a waveform of shape {waveform.shape} was received; expected [samples]:"
            " mix it down to mono first"
        )


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1 sample, received {value}")


def _time(samples: int, sample_rate: int | None) -> str:
    """A position or length in a message: in seconds where the rate is known."""
    return f"{samples} samples" if sample_rate is None else f"{samples / sample_rate:.3f} s"


def mix_clips(first: Clip, second: Clip, alpha: float) -> Clip:
    """The two played at once: ``1 - alpha`` of the first and ``alpha`` of the second.

    The mix is of waveforms. Both are first brought to one loudness (root mean square), so that a
    soft sound is audible beside a loud one; the mix then gets the loudness between theirs,
    in decibels, at ``alpha``. At 0 and 1 it is one of the two, untouched.

    Args:
        first: of the same length as ``second``.
        second: a clip.
        alpha: 0 to 1.

    Returns:
        The mix, at the start of the first; padded if both are, with the notes of both.

    Raises:
        UserError: ``alpha`` is out of bounds.
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha = {alpha} was received; expected 0 (the first sound) to 1.")
    samples = mix_waveforms(first.samples, second.samples, alpha)
    notes = (*first.notes, *second.notes)
    return Clip(samples, first.start, min(first.padded, second.padded), notes)


def mix_waveforms(first: FloatArray, second: FloatArray, alpha: float) -> FloatArray:
    """[samples] and [samples] to [samples]; see ``mix_clips``."""
    if alpha in (0, 1):
        return second if alpha else first
    loudness = [root_mean_square(sound) for sound in (first, second)]
    if min(loudness) < _SILENCE:  # silence cannot be brought to any loudness
        return ((1 - alpha) * first + alpha * second).astype(np.float32)
    mix = (1 - alpha) * first / loudness[0] + alpha * second / loudness[1]
    wanted = loudness[0] ** (1 - alpha) * loudness[1] ** alpha
    return (mix * wanted / max(root_mean_square(mix), _SILENCE)).astype(np.float32)


def root_mean_square(samples: FloatArray) -> float:
    """How loud [samples] are, full scale at ±1; summed in float64."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def to_int16(samples: FloatArray) -> NDArray[np.int16]:
    """[..., samples] at full scale ±1 to 16 bits; what exceeds full scale is clipped."""
    return np.round(np.clip(samples, -1, 1) * INT16_SCALE).astype(np.int16)


def from_int16(samples: NDArray[np.int16]) -> FloatArray:
    """The inverse: [..., samples] float32."""
    return samples.astype(np.float32) / np.float32(INT16_SCALE)
