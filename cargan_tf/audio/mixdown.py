"""Mix sound down to mono at another rate, within bounds, and put right what would mislead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from cargan_tf.audio.clips import without_offset
from cargan_tf.audio.sound_headers import UNKNOWN_FRAMES
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

#: A channel so far below the loudest holds nothing but the noise of a cable.
SILENT_CHANNEL_DB: Final = -60.0

#: Correlation below which channels cancel in the mean: of equally loud ones -13 dB are left.
OPPOSITE: Final = -0.9

#: Floating-point samples may exceed full scale, by 24 dB; beyond they are taken for integers.
MOST_OVER_FULL_SCALE: Final = 16.0

#: Of the SoX resampler; librosa's choice.
_QUALITY: Final = "HQ"

#: The magnitude that stands for 1.0 in integer PCM.
_FULL_SCALE: Final = {"uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


@dataclass(frozen=True, eq=False)
class DecodedSound:
    """A sound, and what was put right in it.

    Attributes:
        samples: [samples], mono, full scale at ±1.
        notes: what the listener should know, such as ``its channels were opposite in sign``.
    """

    samples: NDArray[np.float32]
    notes: tuple[str, ...] = ()


def decode_waveform(waveform: NDArray[Any], rate: int, sample_rate: int) -> DecodedSound:
    """Mix a waveform in memory down to mono and bring it to another rate.

    Args:
        waveform: [samples] or [samples, channels]; floating point with full scale at ±1, or
            integer PCM (uint8, int16, int32), which is scaled to it.
        rate: Hz of ``waveform``.
        sample_rate: Hz wanted.

    Returns:
        [samples'] at ``sample_rate``, and what was put right, as ``decode_file`` does; the samples
        themselves when both rates are equal and nothing was.

    Raises:
        UserError: another shape or type, no samples, NaN or infinite samples, or a length, rate
            or number of channels out of bounds.
    """
    samples = np.asarray(waveform)
    if samples.ndim not in (1, 2):
        raise UserError(
            f"a waveform of shape {samples.shape} was received; expected [samples] or"
            " [samples, channels]: pass one recording at a time"
        )
    channels = samples.shape[1] if samples.ndim == 2 else 1
    if channels > MAX_CHANNELS:
        raise UserError(
            f"a waveform of shape {samples.shape} was received; expected [samples, channels] with"
            f" at most {MAX_CHANNELS} channels: transpose it if its channels come first"
        )
    check_format("the waveform", rate, channels)
    check_length("the waveform", samples.shape[0], rate)
    samples = _to_floating_point(samples)
    mono = _mean_over_channels(samples)
    check_finite(mono, rate, "the waveform")
    notes: list[str] = []
    if channels > 1:
        statistics = _Channels()
        statistics.add(samples)
        weights, notes = statistics.weights()
        if weights is not None:
            mono = _weighted(samples, weights)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality=_QUALITY).astype(
            np.float32, copy=False
        )
    mono, changed = _put_right(_not_empty(mono, sample_rate, "the waveform"), "the waveform")
    return DecodedSound(mono, (*notes, *changed))


def to_mono_at_rate(waveform: NDArray[Any], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """The samples of ``decode_waveform``; arguments and errors as there."""
    return decode_waveform(waveform, rate, sample_rate).samples


def mix_down(
    blocks: Callable[[], Iterator[tuple[NDArray[np.float32], int]]],
    sample_rate: int,
    name: str,
    most_samples: int | None = None,
) -> DecodedSound:
    """Decode, mix and resample block by block; a second time where the mean misleads."""
    channels = _Channels()
    mono = _mixed(blocks(), sample_rate, name, most_samples, channels.add)
    weights, notes = channels.weights()
    if weights is not None:
        mono = _mixed(blocks(), sample_rate, name, most_samples, weights=weights)
    mono, changed = _put_right(_not_empty(mono, sample_rate, name), name)
    return DecodedSound(mono, (*notes, *changed))


def _mixed(
    blocks: Iterator[tuple[NDArray[np.float32], int]],
    sample_rate: int,
    name: str,
    most_samples: int | None,
    look: Callable[[NDArray[np.float32]], None] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """[samples] at ``sample_rate``, the same as if all blocks were mixed and resampled at once.

    Args:
        blocks: [samples, channels] and their rate in Hz.
        sample_rate: Hz wanted.
        name: of the sound in messages.
        most_samples: that will come of it, if known: they are then held only once. The system gives
            memory where it is written to, so it follows what the file holds, not its header.
        look: is called with each block.
        weights: of the channels; their mean is taken without.
    """
    parts: list[NDArray[np.float32]] = []
    waveform = None if most_samples is None else np.empty(most_samples, np.float32)
    filled = frames = source_rate = 0
    resampler = None

    def keep(part: NDArray[np.float32]) -> None:
        nonlocal filled
        if waveform is None:
            parts.append(part)
        else:
            waveform[filled : filled + len(part)] = part
            filled += len(part)

    for block, rate in blocks:
        if not source_rate:
            check_format(name, rate, block.shape[1])
            source_rate = rate
            if rate != sample_rate:
                resampler = soxr.ResampleStream(
                    rate, sample_rate, 1, dtype="float32", quality=_QUALITY
                )
        elif rate != source_rate:
            raise UserError(f"{name} changes its sample rate; convert it with ffmpeg first")
        mono = _mean_over_channels(block) if weights is None else _weighted(block, weights)
        check_finite(mono, rate, name, frames)
        if look is not None:
            look(block)
        frames += len(mono)
        check_length(name, max(frames, 1), rate)
        keep(mono if resampler is None else resampler.resample_chunk(mono))
    if resampler is not None:
        keep(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    if waveform is not None:
        return waveform[:filled]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


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
    if frames == UNKNOWN_FRAMES:
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


class _Channels:
    """Covariances of the channels of a sound, summed up block by block."""

    def __init__(self) -> None:
        self._count = 0
        self._shift: NDArray[Any] | None = None
        self._sums: Any = 0.0
        self._products: Any = 0.0

    def add(self, block: NDArray[Any]) -> None:
        """Take in [samples, channels]."""
        if block.shape[1] == 1 or not len(block):
            return
        if self._shift is None:  # an offset, which would drown the differences in round-off
            self._shift = block.mean(axis=0, keepdims=True)
        elif block.shape[1] != self._shift.shape[1]:
            raise UserError(
                "the sound changes its number of channels; convert it with ffmpeg first"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            moved = block - self._shift
            self._count += len(block)
            self._sums = self._sums + moved.sum(axis=0, dtype=np.float64)
            self._products = self._products + (moved.T @ moved).astype(np.float64)

    def weights(self) -> tuple[NDArray[np.float64] | None, list[str]]:
        """[channels] with which the sound is mixed, and why; ``None`` for the mean."""
        if not self._count:
            return None, []
        means = self._sums / self._count
        with np.errstate(over="ignore", invalid="ignore"):
            covariances = self._products / self._count - np.outer(means, means)
        powers = np.diag(covariances)
        loudest = int(np.argmax(powers))
        if not np.all(np.isfinite(covariances)) or powers[loudest] <= 0:
            return None, []
        audible = powers > powers[loudest] * 10 ** (SILENT_CHANNEL_DB / 10)
        signs = np.ones(len(powers))
        by_power = [channel for channel in np.argsort(-powers, kind="stable") if audible[channel]]
        for position, channel in enumerate(by_power):
            louder = by_power[:position]
            correlations = covariances[channel, louder] / np.sqrt(powers[channel] * powers[louder])
            if np.any(correlations * signs[louder] < OPPOSITE):
                signs[channel] = -1.0
        notes = []
        if not audible.all():
            notes.append(
                f"{np.sum(~audible)} of its {len(audible)} channels are silent and left out"
            )
        if np.any(signs < 0):
            notes.append("its channels are opposite in sign, so that they would cancel; inverted")
        if not notes:
            return None, []
        return signs * audible / audible.sum(), notes


def _weighted(block: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """[samples, channels] -> [samples]; a stretch in mono has nothing to weigh."""
    if block.shape[1] == 1:
        return block[:, 0].astype(np.float32)
    return (block.astype(np.float64) @ weights).astype(np.float32)


def _put_right(mono: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], list[str]]:
    """Samples in the range of integers scaled to ±1, without an offset that counts, and notes."""
    mono, notes = _in_full_scale(mono, name)
    centered = without_offset(mono)
    if centered is not mono and np.any(centered):
        offset = float(mono.mean(dtype=np.float64))
        notes.append(f"its samples were offset by {offset:.2g}, which was taken out")
    return centered, notes


def _in_full_scale(mono: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], list[str]]:
    """Floating-point samples in the range of integers, scaled to ±1, and a note of it.

    Raises:
        UserError: the samples are larger than integers of 32 bits.
    """
    lowest, highest = float(mono.min()), float(mono.max())
    peak = max(highest, -lowest)
    if peak <= MOST_OVER_FULL_SCALE:
        return mono, []
    for bits in (8, 16, 24, 32):
        full_scale = 2.0 ** (bits - 1)
        # A resampled square wave exceeds the full scale by a fifth.
        if peak <= 1.2 * full_scale:
            said = f"its samples reach {peak:,.0f}, not 1: taken for {bits}-bit integers and scaled"
            return mono * np.float32(1 / full_scale), [said]
        if _are_unsigned(mono, lowest, highest, full_scale):
            said = (
                f"its samples reach from {lowest:,.0f} to {highest:,.0f}: taken for {bits}-bit"
                " integers without a sign, centered and scaled"
            )
            return (mono - np.float32(full_scale)) * np.float32(1 / full_scale), [said]
    raise UserError(
        f"{name} has samples of {peak:.3g}; expected full scale at 1, or at most the range of"
        " 32-bit integers: export the sound again"
    )


def _are_unsigned(
    mono: NDArray[np.float32], lowest: float, highest: float, full_scale: float
) -> bool:
    """Whether samples lie around ``full_scale`` and within 0 to twice as much, but for ringing."""
    if lowest < -0.2 * full_scale or highest > 2.2 * full_scale:
        return False
    return abs(float(mono.mean(dtype=np.float64)) - full_scale) < 0.1 * full_scale


def _mean_over_channels(samples: NDArray[Any]) -> NDArray[np.float32]:
    """[samples] or [samples, channels] -> [samples]."""
    if samples.ndim == 2:
        # In float64, so that the mean of equal channels is exactly that channel. Two are added by
        # hand: NumPy's mean of so short an axis takes six times as long.
        if samples.shape[1] == 1:
            samples = samples[:, 0]
        elif samples.shape[1] == 2:
            samples = 0.5 * np.add(samples[:, 0], samples[:, 1], dtype=np.float64)
        else:
            samples = samples.mean(1, dtype=np.float64)
    with np.errstate(over="ignore"):  # becomes infinite, which is refused by name
        return samples.astype(np.float32)


def _to_floating_point(samples: NDArray[Any]) -> NDArray[Any]:
    """Integer PCM scaled to ±1; floating point as it is."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples
    full_scale = _FULL_SCALE.get(samples.dtype.name)
    if full_scale is None:
        raise UserError(
            f"a waveform of type {samples.dtype} was received; expected floating point with full"
            f" scale at 1.0, or {', '.join(_FULL_SCALE)}: convert it first"
        )
    zero = full_scale if samples.dtype.name == "uint8" else 0.0  # 8-bit PCM is centered on 128
    return (samples.astype(np.float64) - zero) / full_scale


def _not_empty(waveform: NDArray[np.float32], sample_rate: int, name: str) -> NDArray[np.float32]:
    if not waveform.size:
        raise UserError(
            f"{name} holds no samples at {sample_rate} Hz; expected a recording:"
            " check that it is whole"
        )
    return waveform
