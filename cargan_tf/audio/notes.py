"""Where notes begin and end in a recording, and where it rests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import find_peaks

from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.quality import measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.utils.arrays import BoolArray, FloatArray

#: Seconds of sound of which one level is taken: the precision of all times here.
BLOCK_SECONDS: Final = 0.01
#: A gap shorter than this, as between detached notes, is no rest.
SHORTEST_REST: Final = 0.15
#: Shorter sounds are clicks.
SHORTEST_NOTE: Final = 0.06
#: Below the loudest of a note by this much, its tail has begun: the release, and the room.
TAIL_DB: Final = 20.0
#: The recording's own noise is looked for in the softest window of so many seconds ...
NOISE_SECONDS: Final = 0.25
#: ... and what is sounding exceeds it by so much.
ABOVE_NOISE_DB: Final = 6.0

#: Spectra by which onsets are found: seconds of a window, and mel bands. Shorter windows do not
#: tell neighboring low notes apart.
_WINDOW_SECONDS: Final = 0.093
_BANDS: Final = 128
#: A window hears a note before its middle reaches it: the rise is so many blocks early on abrupt
#: notes, and as much late on those of a slow attack, after this correction.
_EARLY: Final = 1
#: Bands are taken for silent so many dB below the loudest.
_RANGE_DB: Final = 50.0
#: A rise is taken over so many blocks before and after it.
_REACH: Final = 2
#: Mean rise of the bands in dB, over its surroundings, that makes an onset. Of 468 notes of the
#: synthesizer, nearly all legato, 0.35 finds 82 %, and 13 onsets that are none.
_RISE_DB: Final = 0.35
#: Seconds that are looked at at a time, and that these parts overlap.
_PART_SECONDS: Final = 30.0
_OVERLAP_SECONDS: Final = 0.5

_SILENCE_DB: Final = -120.0


@dataclass(frozen=True)
class DetectedNote:
    """A note, in samples of its recording.

    Attributes:
        begin: its onset.
        tail: from here on it only dies away; ``begin`` < ``tail`` <= ``end``.
        end: the onset of the next note, or the beginning of a rest.
    """

    begin: int
    tail: int
    end: int


def find_notes(waveform: FloatArray, audio: AudioConfig) -> list[DetectedNote]:
    """The notes of a recording in their order; a rest lies where none of them does.

    Rests are what is below ``audio.silence_rms_db``, or hardly above the recording's own noise.
    Between them, notes begin where the bands of a mel spectrum rise together: a spectral flux whose
    maximum over neighboring bands keeps vibrato from counting (SuperFlux; Böck and Widmer 2013).

    Args:
        waveform: [samples], full scale at ±1.
        audio: rate and thresholds.

    Returns:
        Notes; none where nothing sounds.
    """
    block = max(1, round(BLOCK_SECONDS * audio.sample_rate))
    levels = _levels(waveform, block)
    sounding = _stretches(levels > _threshold(waveform, levels, block, audio), audio, block)
    if not sounding:
        return []
    onsets = _onsets(waveform, audio)
    notes: list[DetectedNote] = []
    for first, last in sounding:
        least = max(1, round(SHORTEST_NOTE * audio.sample_rate))
        end = min(last * block, len(waveform))
        within = onsets[(onsets >= first * block + least) & (onsets <= end - least)]
        for begin, stop in pairwise((first * block, *within.tolist(), end)):
            tail = _tail(levels, block, begin, stop)
            if tail - begin < least and begin > first * block:  # the click of a note that ends
                notes[-1] = replace(notes[-1], end=stop)
            else:
                notes.append(DetectedNote(begin, tail, stop))
    return notes


def _levels(waveform: FloatArray, block: int) -> NDArray[np.float64]:
    """RMS of each block in dB, the last of them filled with zeros."""
    count = -(-len(waveform) // block)
    power = np.zeros(count)
    for index in range(count):
        part = waveform[index * block : (index + 1) * block]
        power[index] = np.square(part, dtype=np.float64).sum() / block
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (_SILENCE_DB / 10))))


def _threshold(
    waveform: FloatArray, levels: NDArray[np.float64], block: int, audio: AudioConfig
) -> float:
    """The level in dB above which something sounds."""
    width = min(len(levels), round(NOISE_SECONDS / BLOCK_SECONDS))
    sums = np.convolve(10 ** (levels / 10), np.ones(width), "valid")
    first = int(sums.argmin()) * block
    softest = measure_quality(waveform[first : first + width * block], audio)
    if not softest.noise_like:  # a soft note, or silence
        return audio.silence_rms_db
    return max(audio.silence_rms_db, softest.rms_db + ABOVE_NOISE_DB)


def _stretches(loud: BoolArray, audio: AudioConfig, block: int) -> list[tuple[int, int]]:
    """[first, last) blocks of what sounds: short gaps are filled, then clicks dropped."""
    filled = _without_short(~loud, round(SHORTEST_REST * audio.sample_rate / block), inner=True)
    sounding = _without_short(~filled, round(SHORTEST_NOTE * audio.sample_rate / block))
    return _runs(sounding)


def _runs(flags: BoolArray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _without_short(flags: BoolArray, least: int, inner: bool = False) -> BoolArray:
    """Runs of fewer than ``least`` are cleared; with ``inner`` not those at the ends."""
    kept = flags.copy()
    for first, last in _runs(flags):
        at_an_end = first == 0 or last == len(flags)
        if last - first < least and not (inner and at_an_end):
            kept[first:last] = False
    return kept


def _tail(levels: NDArray[np.float64], block: int, begin: int, end: int) -> int:
    first, last = begin // block, max(begin // block + 1, -(-end // block))
    of_note = levels[first:last]
    loud = np.flatnonzero(of_note >= of_note.max() - TAIL_DB)
    return min(end, max(begin + 1, (first + int(loud[-1]) + 1) * block))


def _onsets(waveform: FloatArray, audio: AudioConfig) -> NDArray[np.int64]:
    """Samples at which notes begin, ascending; part by part, as an hour of spectra is large."""
    hop = max(1, round(BLOCK_SECONDS * audio.sample_rate))
    overlap = round(_OVERLAP_SECONDS / BLOCK_SECONDS)
    part = round(_PART_SECONDS / BLOCK_SECONDS)
    found: list[int] = []
    for first in range(0, len(waveform) // hop + 1, part):
        begin = max(0, first - overlap)
        samples = waveform[begin * hop : (first + part + overlap) * hop]
        rise = _rise(samples, hop, audio)
        peaks, _ = find_peaks(rise, prominence=_RISE_DB, distance=SHORTEST_NOTE / BLOCK_SECONDS)
        found += [begin + int(peak) for peak in peaks if first <= begin + peak < first + part]
    return (np.asarray(found, np.int64) + _EARLY) * hop


def _rise(waveform: FloatArray, hop: int, audio: AudioConfig) -> NDArray[np.float64]:
    """Mean rise of the mel bands in dB around each multiple of ``hop``, [1 + samples // hop]."""
    settings = audio.model_copy(
        update={
            "n_fft": 1 << round(np.log2(_WINDOW_SECONDS * audio.sample_rate)),
            "hop_length": hop,
            "n_mels": _BANDS,
            "log_mel_scale": "decibels",
        }
    )
    decibels = log_mel(waveform[None], settings)[0]
    limited = np.maximum(decibels, decibels.max() - _RANGE_DB)
    before = maximum_filter1d(limited, 3, axis=0)[:, : -2 * _REACH]
    rise = np.maximum(limited[:, 2 * _REACH :] - before, 0.0).mean(axis=0)
    return np.pad(rise, _REACH)
