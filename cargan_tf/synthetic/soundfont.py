"""Notes played by a SoundFont: samples of real instruments instead of sums of harmonics.

FluidSynth renders .sf2 and .sf3 files. Its own reverb and chorus are off: the room is added as for
synthesized notes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cargan_tf.errors import UserError, install_hint
from cargan_tf.synthetic.synthesizer import CLIP_SECONDS, LOUDEST_DB, SAMPLE_RATE, Note
from cargan_tf.synthetic.timbre import Instrument, Timbre

#: FluidSynth renders blocks of so many samples; notes begin and end at their borders.
BLOCK = 64
#: Samples between changes of the pitch bend: 50 a second, far above any vibrato.
BEND_EVERY = 7 * BLOCK
#: Pitch-wheel steps of a whole tone, General MIDI's range to either side.
BEND_WHOLE_TONE = 8191
#: MIDI velocities of the softest and the loudest note.
SOFTEST_VELOCITY, LOUDEST_VELOCITY = 20, 127
CHANNEL, BANK = 0, 0
#: Of a synthesizer: a MIDI port's 16, of which one is used.
CHANNELS = 16
#: FluidSynth's log level FLUID_WARN.
_WARNING = 2
#: Below full scale even where a preset is loud; the recording's level is set afterwards.
GAIN = 0.4


def check_soundfont(soundfont: Path) -> None:
    """Check that ``soundfont`` can be played.

    Raises:
        UserError: FluidSynth is not installed, or the file is missing or not a SoundFont.
    """
    _open(soundfont)


def render(
    soundfont: Path,
    notes: tuple[Note, ...],
    program: int,
    instrument: Instrument,
    timbre: Timbre,
    seconds: float,
) -> np.ndarray:
    """``notes`` played dry by a General MIDI program, float64, [samples].

    Args:
        soundfont: an .sf2 or .sf3 file.
        notes: the melody.
        program: General MIDI program, counted from 0; one of ``instrument.programs``.
        instrument: gives the vibrato.
        timbre: the player's tuning and vibrato.
        seconds: length of the recording.

    Raises:
        UserError: the SoundFont cannot be played or has no sound for the program.
    """
    swing = instrument.vibrato_cents * timbre.vibrato_depth

    def bend(synth: Any, sample: int) -> None:
        wave = np.sin(2 * np.pi * timbre.vibrato_hz * sample / SAMPLE_RATE)
        cents = timbre.tuning_cents + swing * float(wave)
        synth.pitch_bend(CHANNEL, round(BEND_WHOLE_TONE * cents / 200))

    total = _blocks(seconds)
    parts: list[np.ndarray] = []
    done = 0
    with _playing(soundfont, program) as synth:
        for moment, turn_on, note in _events(notes):
            until = min(_blocks(moment), total)
            for start in range(done, until, BEND_EVERY):
                bend(synth, start)
                parts.append(_samples(synth, min(BEND_EVERY, until - start)))
            done = max(done, until)
            if turn_on:
                loud = SOFTEST_VELOCITY + (LOUDEST_VELOCITY - SOFTEST_VELOCITY) * note.velocity
                synth.noteon(CHANNEL, note.midi, round(loud))
            else:
                synth.noteoff(CHANNEL, note.midi)
        parts.append(_samples(synth, total - done))
    sound = _leveled(np.concatenate(parts)[: round(seconds * SAMPLE_RATE)])
    if sound is None:
        raise UserError(
            f"{soundfont} has no sound for General MIDI program {program + 1}; name a SoundFont of"
            " the whole General MIDI set"
        )
    return sound


def play_keys(
    soundfont: Path, program: int, keys: tuple[int, ...], velocity: int, seconds: float
) -> np.ndarray | None:
    """Keys struck together and held for most of ``seconds``, float64, [samples].

    Returns:
        ``None`` if the SoundFont has no sound for the program.
    """
    total, held = _blocks(seconds), _blocks(0.8 * seconds)
    with _playing(soundfont, program) as synth:
        for key in keys:
            synth.noteon(CHANNEL, key, velocity)
        parts = [_samples(synth, held)]
        for key in keys:
            synth.noteoff(CHANNEL, key)
        parts.append(_samples(synth, total - held))
    return _leveled(np.concatenate(parts))


@lru_cache(maxsize=8)
def _open(soundfont: Path) -> tuple[Any, int]:
    try:
        import fluidsynth
    except ImportError as missing:  # the package, or the library that it loads
        raise UserError(
            f"playing a SoundFont needs FluidSynth: {install_hint('soundfont')}, and its"
            " library (Debian and Ubuntu: apt install libfluidsynth3; macOS: brew install"
            f" fluid-synth). {missing}"
        ) from missing
    if not soundfont.is_file():
        raise UserError(f"there is no SoundFont {soundfont}; name an .sf2 or .sf3 file")
    with soundfont.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":  # FluidSynth would print its own complaint
        raise UserError(f"{soundfont} is not a SoundFont; name an .sf2 or .sf3 file")
    library = ctypes.CDLL(fluidsynth.lib)  # pyfluidsynth does not bind all that is used here
    # Else each new synthesizer warns that its channels have no program yet.
    library.fluid_set_log_function(_WARNING, None, None)
    synth = fluidsynth.Synth(gain=GAIN, samplerate=SAMPLE_RATE, channels=CHANNELS)
    font = synth.sfload(str(soundfont))
    if font < 0:
        raise UserError(f"{soundfont} is damaged: FluidSynth cannot load it")
    library.fluid_synth_get_sfont_by_id.restype = ctypes.c_void_p
    return synth, library.fluid_synth_get_sfont_by_id(ctypes.c_void_p(synth.synth), font)


@contextmanager
def _playing(soundfont: Path, program: int) -> Iterator[Any]:
    """A synthesizer with the program selected.

    A new one each time, so that a recording does not depend on what was played before; they share
    the loaded SoundFont.
    """
    import fluidsynth

    _, font = _open(soundfont)
    library = ctypes.CDLL(fluidsynth.lib)
    synth = fluidsynth.Synth(gain=GAIN, samplerate=SAMPLE_RATE, channels=CHANNELS)
    for effect in ("reverb", "chorus"):
        synth.setting(f"synth.{effect}.active", 0)
    pointers = ctypes.c_void_p(synth.synth), ctypes.c_void_p(font)
    number = library.fluid_synth_add_sfont(*pointers)
    try:
        synth.program_select(CHANNEL, number, BANK, program)
        yield synth
    finally:
        library.fluid_synth_remove_sfont(*pointers)
        synth.delete()


def _blocks(seconds: float) -> int:
    """Samples of ``seconds`` in whole blocks, rounded up."""
    return -(-round(seconds * SAMPLE_RATE) // BLOCK) * BLOCK


def _samples(synth: Any, count: int) -> np.ndarray:
    """[count], the mean of both channels, full scale at ±1; float, as 16 bits would be dithered."""
    import fluidsynth

    if count <= 0:
        return np.zeros(0)
    stereo = np.empty((2, count), np.float32)
    library = ctypes.CDLL(fluidsynth.lib)
    left, right = (channel.ctypes.data_as(ctypes.c_void_p) for channel in stereo)
    pointer = ctypes.c_void_p(synth.synth)
    library.fluid_synth_write_float(pointer, count, left, 0, 1, right, 0, 1)
    mono: np.ndarray = stereo.mean(axis=0, dtype=np.float64)
    return mono


def _events(notes: tuple[Note, ...]) -> list[tuple[float, bool, Note]]:
    """When each note starts and ends, in order; an end comes before a start of the same time."""
    starts = [(note.start, True, note) for note in notes]
    ends = [(note.start + note.seconds, False, note) for note in notes]
    return sorted(starts + ends, key=lambda event: (event[0], event[1]))


def _leveled(sound: np.ndarray) -> np.ndarray | None:
    """``sound`` with its loudest half second at ``LOUDEST_DB``; ``None`` if it is silent."""
    window = min(round(CLIP_SECONDS * SAMPLE_RATE), len(sound) - 1)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    loudest = float(np.sqrt((energy[window:] - energy[:-window]).max() / window))
    return None if loudest < 1e-5 else sound * (10 ** (LOUDEST_DB / 20) / loudest)
