"""Sounds of none of the 13 instruments, from which the sound classifier learns to say so.

Noise, hum, sweeps, speech-like and struck sounds, chords and duets are synthesized. With SoundFonts
most sounds are other programs of General MIDI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic.synthesizer import CLIP_SECONDS, SAMPLE_RATE, Note, colored_noise, render
from cargan_tf.synthetic.timbre import INSTRUMENTS, TYPICAL

SAMPLES = round(CLIP_SECONDS * SAMPLE_RATE)
#: General MIDI programs that could be taken for one of the instruments: their own, tremolo and
#: pizzicato strings, string ensembles, brass section, English horn and piccolo.
LIKE_THE_INSTRUMENTS = frozenset(
    {program for instrument in INSTRUMENTS.values() for program in instrument.programs}
    | {44, 45, 48, 49, 61, 69, 72}
)
OTHER_PROGRAMS = tuple(sorted(set(range(128)) - LIKE_THE_INSTRUMENTS))
#: Fraction of the sounds that a SoundFont plays, if there is one.
FRACTION_BY_SOUNDFONT = 0.6
#: Semitones from a chord's root.
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 5, 7), (0, 3, 6), (0, 7, 12), (0, 4, 7, 12))
#: Peak of each sound, before a gain of 0 to -30 dB.
PEAK = 0.7
#: Formants of five vowels in Hz (Peterson and Barney 1952, men).
VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
FORMANT_WIDTH_HZ = 110.0


def other_sound(random: np.random.Generator, soundfonts: Sequence[Path] = ()) -> np.ndarray:
    """Half a second of a sound of none of the instruments, [samples] at ``SAMPLE_RATE``, ±1."""
    sound = None
    if soundfonts and random.random() < FRACTION_BY_SOUNDFONT:
        sound = _other_program(random, soundfonts)
    if sound is None:
        kinds = (_noise, _hum, _sweep, _struck, _plucked, _speech_like, _chord, _chord, _duet)
        make: Callable[[np.random.Generator], np.ndarray] = kinds[random.integers(len(kinds))]
        sound = make(random)
    gain = 10 ** (random.uniform(-30, 0) / 20)
    return sound * (PEAK * gain / max(float(np.abs(sound).max()), 1e-9))


def _other_program(random: np.random.Generator, soundfonts: Sequence[Path]) -> np.ndarray | None:
    font = soundfonts[int(random.integers(len(soundfonts)))]
    program = OTHER_PROGRAMS[random.integers(len(OTHER_PROGRAMS))]
    root = int(random.integers(36, 84))
    chord = CHORDS[random.integers(len(CHORDS))] if random.random() < 0.4 else (0,)
    keys = tuple(root + step for step in chord)
    sound = sampler.play_keys(font, program, keys, int(random.integers(40, 120)), 1.2)
    if sound is None:
        return None
    start = int(random.integers(0, len(sound) - SAMPLES)) if random.random() < 0.5 else 0
    return sound[start : start + SAMPLES]


def _time() -> np.ndarray:
    return np.arange(SAMPLES) / SAMPLE_RATE


def _noise(random: np.random.Generator) -> np.ndarray:
    """Noise with a slope of -2 to 1 over frequency."""
    slope = random.uniform(-2, 1)
    return colored_noise(SAMPLES, SAMPLE_RATE, lambda hz: np.maximum(hz, 40.0) ** slope, random)


def _hum(random: np.random.Generator) -> np.ndarray:
    """Mains hum with its harmonics, and some hiss."""
    base = random.choice([50.0, 60.0])
    hum = sum(
        random.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * _time() + random.uniform(0, 6))
        for k in range(1, 8)
    )
    return np.asarray(hum) + random.uniform(0, 0.3) * random.standard_normal(SAMPLES)


def _sweep(random: np.random.Generator) -> np.ndarray:
    """A sine that glides, or a steady beep."""
    octaves = random.uniform(-2, 2) * (random.random() < 0.7)
    frequency = random.uniform(100, 3000) * 2 ** (octaves * _time() / CLIP_SECONDS)
    return np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)


def _struck(random: np.random.Generator) -> np.ndarray:
    """Drum-like bursts of noise, or a bell: inharmonic partials that die away."""
    sound = np.zeros(SAMPLES)
    for _ in range(random.integers(1, 5)):
        first = int(random.integers(0, SAMPLES // 2))
        time = np.arange(SAMPLES - first) / SAMPLE_RATE
        if random.random() < 0.5:
            body = _noise(random)[first:]
        else:
            partials = random.uniform(1, 8, 6) * random.uniform(80, 800)
            body = np.sin(2 * np.pi * partials[:, None] * time).sum(axis=0)
        sound[first:] += body / np.abs(body).max() * np.exp(-time / random.uniform(0.01, 0.3))
    return sound


def _plucked(random: np.random.Generator) -> np.ndarray:
    """A plucked string, single or as a chord (Karplus and Strong 1983)."""
    root = int(random.integers(40, 76))
    chord = CHORDS[random.integers(len(CHORDS))] if random.random() < 0.5 else (0,)
    sound = np.zeros(SAMPLES)
    for step in chord:
        period = round(SAMPLE_RATE / (440 * 2 ** ((root + step - 69) / 12)))
        line = random.standard_normal(period)
        parts = []
        for _ in range(SAMPLES // period + 1):
            parts.append(line)
            line = 0.498 * (line + np.roll(line, 1))
        sound += np.concatenate(parts)[:SAMPLES]
    return sound


def _speech_like(random: np.random.Generator) -> np.ndarray:
    """Syllables: pulses of a gliding pitch through a vowel's formants, and bursts of hiss."""
    sound = np.zeros(SAMPLES)
    first = 0
    while first < SAMPLES - 400:
        length = min(int(random.uniform(0.06, 0.22) * SAMPLE_RATE), SAMPLES - first)
        window = np.hanning(length)
        if random.random() < 0.25:
            part = np.diff(random.standard_normal(length + 1))
        else:
            pitch = random.uniform(85, 260) * 2 ** (
                random.uniform(-0.5, 0.5) * np.linspace(0, 1, length)
            )
            pulses = (np.diff(np.floor(np.cumsum(pitch) / SAMPLE_RATE), prepend=0) > 0).astype(
                float
            )
            hz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
            formants = np.asarray(VOWELS[random.integers(len(VOWELS))]) * random.uniform(0.9, 1.25)
            response = sum(
                1 / (1 + ((hz - center) / FORMANT_WIDTH_HZ) ** 2) / (1 + index)
                for index, center in enumerate(formants)
            )
            part = np.fft.irfft(np.fft.rfft(pulses) * response, length)
        sound[first : first + length] += window * part / max(float(np.abs(part).max()), 1e-9)
        first += int(length * random.uniform(0.7, 1.3))
    return sound


def _chord(random: np.random.Generator) -> np.ndarray:
    """Three or four notes at once of one of the instruments."""
    label = str(random.choice(sorted(INSTRUMENTS)))
    instrument = INSTRUMENTS[label]
    root = int(random.integers(instrument.lowest, instrument.highest - 12))
    chord = CHORDS[random.integers(len(CHORDS))]
    return _notes(random, [(label, root + step) for step in chord])


def _duet(random: np.random.Generator) -> np.ndarray:
    """Two or three different instruments at once."""
    labels = random.choice(sorted(INSTRUMENTS), random.integers(2, 4), replace=False)
    ranges = [(str(label), INSTRUMENTS[str(label)]) for label in labels]
    return _notes(
        random,
        [(label, int(random.integers(one.lowest, one.highest + 1))) for label, one in ranges],
    )


def _notes(random: np.random.Generator, keys: list[tuple[str, int]]) -> np.ndarray:
    sound = np.zeros(SAMPLES)
    for label, key in keys:
        note = Note(0.0, CLIP_SECONDS, key, float(random.uniform(0.4, 0.9)))
        playing = TYPICAL[random.integers(len(TYPICAL))]
        sound += render((note,), INSTRUMENTS[label], playing, CLIP_SECONDS, random)
    return sound
