"""Melodies: which note sounds when, how long and how loudly, and where clips are cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cargan_tf.synthetic.timbre import Instrument

CLIP_SECONDS = 0.5
LEAD_IN_SECONDS = 0.3

#: Semitones above the root: major, natural minor, major pentatonic.
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))

#: A note lasts about as long as a clip or longer, so that a clip has one main pitch.
SHORTEST_NOTE, LONGEST_NOTE = 0.55, 0.9
#: Seconds of a clip that its own note covers at least, from its onset on.
COVERED_SECONDS = 0.44

#: Notes of one phrase; each phrase sweeps the whole range once up and once down.
NOTES_PER_PHRASE = 16


@dataclass(frozen=True)
class Note:
    """One note: times in seconds, pitch as a MIDI key, velocity 0 (softest) to 1 (loudest)."""

    start: float
    seconds: float
    midi: int
    velocity: float


@dataclass(frozen=True)
class Score:
    """A melody and the clips cut from it: clip ``i`` starts at ``clip_ms[i]`` with note ``i``."""

    notes: tuple[Note, ...]
    clip_ms: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """Length of the recording, with room for the last note and the last clip to end."""
        last = self.notes[-1]
        return last.start + last.seconds + CLIP_SECONDS


def compose(instrument: Instrument, clips: int, random: np.random.Generator) -> Score:
    """A melody of ``clips`` notes whose pitches and velocities cover the instrument's range."""
    seconds = random.uniform(SHORTEST_NOTE, LONGEST_NOTE, clips)
    starts = LEAD_IN_SECONDS + np.concatenate([[0.0], np.cumsum(seconds[:-1])])
    keys = _keys(instrument, clips, random)
    velocities = _swell(starts, random)
    notes = tuple(
        Note(float(start), float(length), int(key), float(velocity))
        for start, length, key, velocity in zip(starts, seconds, keys, velocities, strict=True)
    )
    early = COVERED_SECONDS - CLIP_SECONDS
    offsets = random.uniform(early, seconds - COVERED_SECONDS)
    clip_ms = tuple(int(ms) for ms in np.round(1000 * (starts + offsets)))
    return Score(notes, clip_ms)


def _keys(instrument: Instrument, count: int, random: np.random.Generator) -> list[int]:
    """MIDI keys of one scale, in arcs over the range; every part of it is visited equally."""
    scale = SCALES[random.integers(len(SCALES))]
    root = int(random.integers(12))
    in_range = range(instrument.lowest, instrument.highest + 1)
    pool = [key for key in in_range if (key - root) % 12 in scale]
    keys: list[int] = []
    while len(keys) < count:
        length = min(NOTES_PER_PHRASE, count - len(keys))
        heights = np.sort(_stratified(length, random))
        arc = np.concatenate([heights[::2], heights[1::2][::-1]])
        arc = np.roll(arc, int(random.integers(length)))
        keys += [pool[int(height * len(pool))] for height in arc]
    return keys


def _swell(starts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Velocities that rise and fall with time, evenly spread over [0, 1]; shape [notes]."""
    period = random.uniform(3.0, 6.0)
    wave = np.sin(2 * np.pi * (starts / period + random.random()))
    wave += random.normal(0, 0.35, len(starts))
    rank = np.argsort(np.argsort(wave))
    return np.sort(_stratified(len(starts), random))[rank]


def _stratified(count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` numbers, one at random in each of as many equal parts of [0, 1)."""
    return (np.arange(count) + random.random(count)) / count
