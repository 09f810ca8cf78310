"""An additive synthesiser: notes become sound by sums of harmonics, with numpy alone."""

from __future__ import annotations

import numpy as np

from cargan_tf.data.sample.instruments import Instrument
from cargan_tf.data.sample.noise import coloured_noise
from cargan_tf.data.sample.score import Note
from cargan_tf.data.sample.signature import Signature

SAMPLE_RATE = 22_050

#: RMS of the loudest and of the softest note, dB of full scale.
LOUDEST_DB, SOFTEST_DB = -13.0, -36.0

#: Harmonics of one note at most. So few that the band they fill grows with the pitch, which is
#: then heard even where a short window does not resolve the harmonics of a low note.
MAX_HARMONICS = 16
#: Share of the sample rate above which no harmonic is made, so that none folds back.
HIGHEST_HARMONIC = 0.46
#: Gain of the formant over the rest of the spectrum.
FORMANT_DB = 9.0
#: How much the roll-off of the softest and the loudest note differ from ``rolloff_db``.
SOFT_ROLLOFF, LOUD_ROLLOFF = 1.35, 0.75

#: Points of one cycle in a wave table; linear interpolation then errs by less than -80 dB.
TABLE_POINTS = 4096

RELEASE_SECONDS = 0.12
VIBRATO_ONSET_SECONDS = 0.25
#: The tone starts darker and reaches its full brightness after so many attack times.
BRIGHTENING = 3.0


def render(
    notes: tuple[Note, ...],
    instrument: Instrument,
    signature: Signature,
    seconds: float,
    random: np.random.Generator,
) -> np.ndarray:
    """``notes`` played dry (no room, no noise floor) as float64 at ``SAMPLE_RATE``, [samples]."""
    total = round(seconds * SAMPLE_RATE)
    tail = round(RELEASE_SECONDS * SAMPLE_RATE) + 1
    sound = np.zeros(total + tail)
    air = _air(instrument, total + tail, random)
    for note in notes:
        first = round(note.start * SAMPLE_RATE)
        tone = _tone(note, instrument, signature, random)
        envelope = _envelope(note, instrument, len(tone))
        span = slice(first, first + len(tone))
        level = 10 ** ((SOFTEST_DB + (LOUDEST_DB - SOFTEST_DB) * note.velocity) / 20)
        sound[span] += level * envelope * (tone + instrument.breath * air[span])
    return sound[:total]


def harmonic_amplitudes(instrument: Instrument, frequency: float, velocity: float) -> np.ndarray:
    """Amplitudes of the harmonics 1, 2, ... of a note whose RMS is 1, shape [harmonics]."""
    count = int(min(MAX_HARMONICS, HIGHEST_HARMONIC * SAMPLE_RATE / frequency))
    number = np.arange(1, count + 1)
    rolloff = instrument.rolloff_db * (SOFT_ROLLOFF + (LOUD_ROLLOFF - SOFT_ROLLOFF) * velocity)
    decibels = -rolloff * np.log2(number)
    decibels += np.where(number % 2 == 0, instrument.even_db, 0.0)
    decibels += FORMANT_DB * _formant(instrument, number * frequency)
    amplitudes = 10 ** (decibels / 20)
    return amplitudes / np.sqrt((amplitudes**2).sum() / 2)


def _formant(instrument: Instrument, frequencies: np.ndarray) -> np.ndarray:
    octaves_off = np.log2(np.maximum(frequencies, 20.0) / instrument.formant_hz)
    return np.exp(-((octaves_off / instrument.formant_octaves) ** 2))


def _tone(
    note: Note, instrument: Instrument, signature: Signature, random: np.random.Generator
) -> np.ndarray:
    """The periodic part of one note at RMS 1, with vibrato, brightening after the attack."""
    time = np.arange(round((note.seconds + RELEASE_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440 * 2 ** ((note.midi - 69 + signature.tuning_cents / 100) / 12)
    octaves = instrument.vibrato_cents * signature.vibrato_depth / 1200
    swing = octaves * np.minimum(time / VIBRATO_ONSET_SECONDS, 1)
    vibrato = np.sin(2 * np.pi * (signature.vibrato_hz * time + random.random()))
    phase = np.cumsum(frequency * 2 ** (swing * vibrato)) / SAMPLE_RATE
    bright = _wave_table(harmonic_amplitudes(instrument, frequency, note.velocity))
    dark = _wave_table(harmonic_amplitudes(instrument, frequency, note.velocity - 1))
    opened = np.minimum(time / (BRIGHTENING * instrument.attack_seconds), 1)
    return _look_up(dark, bright, opened, phase)


def _wave_table(amplitudes: np.ndarray) -> np.ndarray:
    """One cycle of the sum of harmonics, its first point repeated at the end."""
    number = np.arange(1, len(amplitudes) + 1)
    # Schroeder's phases keep the peaks low, so that loud notes do not clip.
    phases = -np.pi * number * (number - 1) / len(amplitudes)
    spectrum = np.zeros(TABLE_POINTS // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(1j * phases) * TABLE_POINTS / 2
    cycle = np.fft.irfft(spectrum)
    return np.append(cycle, cycle[0])


def _look_up(
    dark: np.ndarray, bright: np.ndarray, opened: np.ndarray, phase: np.ndarray
) -> np.ndarray:
    """The wave at ``phase`` (in cycles): from ``dark`` to ``bright`` as ``opened`` goes to 1."""
    place = (phase % 1.0) * TABLE_POINTS
    index = place.astype(np.int64)
    share = place - index
    wave = bright[index] * (1 - share) + bright[index + 1] * share
    opening = int(np.searchsorted(opened, 1.0))
    head, next_head = index[:opening], index[:opening] + 1
    start = dark[head] * (1 - share[:opening]) + dark[next_head] * share[:opening]
    wave[:opening] += (1 - opened[:opening]) * (start - wave[:opening])
    return wave


def _envelope(note: Note, instrument: Instrument, samples: int) -> np.ndarray:
    """Attack, a slow decay while the note is held, release; from 0 to 1."""
    time = np.arange(samples) / SAMPLE_RATE
    attack = np.minimum(time / instrument.attack_seconds, 1)
    release = np.clip((note.seconds + RELEASE_SECONDS - time) / RELEASE_SECONDS, 0, 1)
    return attack * release * np.exp(-0.25 * time)


def _air(instrument: Instrument, samples: int, random: np.random.Generator) -> np.ndarray:
    """Bow or breath noise at RMS 1, coloured by the instrument's formant."""

    def gain(frequencies: np.ndarray) -> np.ndarray:
        return 0.15 + _formant(instrument, frequencies)

    return coloured_noise(samples, SAMPLE_RATE, gain, random)
