"""The notes played by a SoundFont: samples of real instruments instead of sums of harmonics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cargan_tf.errors import UserError
from cargan_tf.synthetic.score import CLIP_SECONDS, Note
from cargan_tf.synthetic.synthesizer import LOUDEST_DB, SAMPLE_RATE
from cargan_tf.synthetic.timbre import Instrument, Timbre

#: Samples between changes of the pitch bend: 50 a second, far above any vibrato.
BEND_EVERY = SAMPLE_RATE // 50
#: The pitch wheel: its rest position, and how far a whole tone is on either side.
BEND_REST, BEND_WHOLE_TONE = 8192, 8191
#: MIDI velocities of the softest and the loudest note.
SOFTEST_VELOCITY, LOUDEST_VELOCITY = 20, 127
CHANNEL = 0


def require(soundfont: Path) -> None:
    """Check that ``soundfont`` can be played.

    Raises:
        UserError: tinysoundfont is not installed, or the file is missing or no SoundFont.
    """
    _open(soundfont)


def render(
    soundfont: Path,
    notes: tuple[Note, ...],
    instrument: Instrument,
    timbre: Timbre,
    seconds: float,
) -> np.ndarray:
    """``notes`` played dry by the instrument's General MIDI program, float64, [samples].

    Raises:
        UserError: the SoundFont cannot be played or has no sound for the program.
    """
    synth, font = _open(soundfont)
    synth.program_select(CHANNEL, font, 0, instrument.program)
    total = round(seconds * SAMPLE_RATE)
    parts: list[np.ndarray] = []
    done = 0
    for moment, turn_on, note in _events(notes):
        until = min(round(moment * SAMPLE_RATE), total)
        parts.append(_play(synth, instrument, timbre, done, until))
        done = until
        if turn_on:
            loud = SOFTEST_VELOCITY + (LOUDEST_VELOCITY - SOFTEST_VELOCITY) * note.velocity
            synth.noteon(CHANNEL, note.midi, round(loud))
        else:
            synth.noteoff(CHANNEL, note.midi)
    parts.append(_play(synth, instrument, timbre, done, total))
    return _levelled(np.concatenate(parts), soundfont, instrument)


def _open(soundfont: Path) -> tuple[Any, int]:
    try:
        import tinysoundfont
    except ImportError as missing:
        raise UserError(
            "playing a SoundFont needs tinysoundfont, which is not installed:"
            " pip install 'cargan-tf[soundfont]', or leave the SoundFont out"
        ) from missing
    if not soundfont.is_file():
        raise UserError(f"there is no SoundFont {soundfont}; name an .sf2 file")
    synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE, gain=0.0)
    try:
        font = synth.sfload(str(soundfont))
    except Exception as fault:  # the library documents no narrower class
        raise UserError(f"{soundfont} is not a SoundFont that can be read: {fault}") from fault
    if font < 0:
        raise UserError(f"{soundfont} is not a SoundFont that can be read")
    return synth, font


def _events(notes: tuple[Note, ...]) -> list[tuple[float, bool, Note]]:
    """When each note starts and ends, in order; an end comes before a start of the same time."""
    starts = [(note.start, True, note) for note in notes]
    ends = [(note.start + note.seconds, False, note) for note in notes]
    return sorted(starts + ends, key=lambda event: (event[0], event[1]))


def _play(synth: Any, instrument: Instrument, timbre: Timbre, first: int, until: int) -> np.ndarray:
    """The samples ``first`` to ``until`` in mono, the pitch bent by tuning and vibrato."""
    parts = [np.zeros(0)]
    swing = instrument.vibrato_cents * timbre.vibrato_depth
    for start in range(first, until, BEND_EVERY):
        length = min(BEND_EVERY, until - start)
        wave = np.sin(2 * np.pi * timbre.vibrato_hz * start / SAMPLE_RATE)
        cents = timbre.tuning_cents + swing * float(wave)
        synth.pitchbend(CHANNEL, round(BEND_REST + BEND_WHOLE_TONE * cents / 200))
        stereo = np.frombuffer(bytes(synth.generate(length)), np.float32).reshape(-1, 2)
        parts.append(stereo.astype(np.float64).mean(axis=1))
    return np.concatenate(parts)


def _levelled(sound: np.ndarray, soundfont: Path, instrument: Instrument) -> np.ndarray:
    """``sound`` with its loudest half second at ``LOUDEST_DB``."""
    window = round(CLIP_SECONDS * SAMPLE_RATE)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    loudest = float(np.sqrt((energy[window:] - energy[:-window]).max() / window))
    if loudest < 1e-6:
        raise UserError(
            f"{soundfont} has no sound for General MIDI program {instrument.program + 1};"
            " name a SoundFont of the whole General MIDI set"
        )
    return sound * (10 ** (LOUDEST_DB / 20) / loudest)
