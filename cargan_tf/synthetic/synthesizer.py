"""Melodies and the synthesizer that plays them: which note sounds when, how long and how loudly,
where clips are cut; and notes to a recording, additively in NumPy, with room and noise floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cargan_tf.synthetic.timbre import Instrument, Timbre

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
#: A transform's length is a multiple of this power of two, so its other factors are small.
LENGTH_STEP = 1 << 14

SAMPLE_RATE = 22_050
#: RMS of the loudest and of the softest note, dB of full scale.
LOUDEST_DB, SOFTEST_DB = -13.0, -36.0
#: Harmonics of one note at most. So few that the band they fill grows with the pitch, which is
#: then heard even where a short window does not resolve the harmonics of a low note.
MAX_HARMONICS = 16
#: Fraction of the sample rate above which no harmonic is made, so that none folds back.
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
#: Frequency at which brightness changes nothing.
PIVOT_HZ = 900.0
#: Octaves from the pivot beyond which brightness grows no further; the extremes stay quiet.
PIVOT_OCTAVES = 3.0
BODY_OCTAVES = 0.4
#: Highest sample written; 16-bit files end at 1.
PEAK = 0.97
#: RMS of a recording's noise floor, dB of full scale, and dB an octave by which it rises towards
#: high frequencies, from a dull hum to plain noise: least and most. They are those of the
#: recording, not the player: otherwise half a second of noise alone would tell who plays.
FLOOR_DB, FLOOR_TILT_DB = (-82.0, -74.0), (-6.0, 0.0)
#: Longest tail of the room that is computed.
TAIL_SECONDS = 1.0


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


def transform_length(samples: int) -> int:
    """A length of at least ``samples`` whose Fourier transform does not hit a large prime."""
    return -(-samples // LENGTH_STEP) * LENGTH_STEP


def colored_noise(
    samples: int,
    sample_rate: int,
    gain: Callable[[np.ndarray], np.ndarray],
    random: np.random.Generator,
) -> np.ndarray:
    """Noise of RMS 1 whose amplitude at each frequency is ``gain`` of it, float64, [samples].

    Args:
        samples: how many.
        sample_rate: in Hz.
        gain: takes frequencies in Hz, gives factors of the same shape.
        random: where the noise comes from.
    """
    length = transform_length(samples)
    white = np.fft.rfft(random.standard_normal(length))
    noise = np.fft.irfft(white * gain(np.fft.rfftfreq(length, 1 / sample_rate)), length)[:samples]
    return noise / np.sqrt((noise**2).mean())


def render(
    notes: tuple[Note, ...],
    instrument: Instrument,
    timbre: Timbre,
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
        tone = _tone(note, instrument, timbre, random)
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
    note: Note, instrument: Instrument, timbre: Timbre, random: np.random.Generator
) -> np.ndarray:
    """The periodic part of one note at RMS 1, with vibrato, brightening after the attack."""
    time = np.arange(round((note.seconds + RELEASE_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440 * 2 ** ((note.midi - 69 + timbre.tuning_cents / 100) / 12)
    octaves = instrument.vibrato_cents * timbre.vibrato_depth / 1200
    swing = octaves * np.minimum(time / VIBRATO_ONSET_SECONDS, 1)
    vibrato = np.sin(2 * np.pi * (timbre.vibrato_hz * time + random.random()))
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
    position = (phase % 1.0) * TABLE_POINTS
    index = position.astype(np.int64)
    fraction = position - index
    wave = bright[index] * (1 - fraction) + bright[index + 1] * fraction
    opening = int(np.searchsorted(opened, 1.0))
    head, next_head = index[:opening], index[:opening] + 1
    start = dark[head] * (1 - fraction[:opening]) + dark[next_head] * fraction[:opening]
    wave[:opening] += (1 - opened[:opening]) * (start - wave[:opening])
    return wave


def _envelope(note: Note, instrument: Instrument, samples: int) -> np.ndarray:
    """Attack, a slow decay while the note is held, release; from 0 to 1."""
    time = np.arange(samples) / SAMPLE_RATE
    attack = np.minimum(time / instrument.attack_seconds, 1)
    release = np.clip((note.seconds + RELEASE_SECONDS - time) / RELEASE_SECONDS, 0, 1)
    return attack * release * np.exp(-0.25 * time)


def _air(instrument: Instrument, samples: int, random: np.random.Generator) -> np.ndarray:
    """Bow or breath noise at RMS 1, colored by the instrument's formant."""

    def gain(frequencies: np.ndarray) -> np.ndarray:
        return 0.15 + _formant(instrument, frequencies)

    return colored_noise(samples, SAMPLE_RATE, gain, random)


def record(
    dry: np.ndarray,
    timbre: Timbre,
    room_random: np.random.Generator,
    noise_random: np.random.Generator,
) -> np.ndarray:
    """The recording of ``dry`` [samples]: colored, with reverberation and noise, within ±1.

    Args:
        dry: float64 at ``SAMPLE_RATE``.
        timbre: the player's.
        room_random: gives the room's echoes; the same for all recordings of a player.
        noise_random: gives the noise floor; another for every recording.
    """
    samples = len(dry)
    padded = transform_length(samples + round(TAIL_SECONDS * SAMPLE_RATE))
    frequencies = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(dry, padded)
    spectrum *= 10 ** (color_db(timbre, frequencies) / 20)
    spectrum *= np.fft.rfft(_echoes(timbre, room_random), padded)
    wet = np.fft.irfft(spectrum, padded)[:samples]
    wet *= np.sqrt((dry**2).mean() / (wet**2).mean())  # a color must not make a player louder
    recording = wet + noise_floor(samples, noise_random)
    return recording * min(1.0, PEAK / np.abs(recording).max())


def color_db(timbre: Timbre, frequencies: np.ndarray) -> np.ndarray:
    """Gain in dB of the player's instrument at each of ``frequencies`` (Hz)."""
    audible = np.maximum(frequencies, 20.0)
    octaves = np.clip(np.log2(audible / PIVOT_HZ), -PIVOT_OCTAVES, PIVOT_OCTAVES)
    from_body = np.log2(audible / timbre.body_hz) / BODY_OCTAVES
    return timbre.brightness_db * octaves + timbre.body_db * np.exp(-(from_body**2))


def _echoes(timbre: Timbre, random: np.random.Generator) -> np.ndarray:
    """The room's impulse response: the direct sound, then noise that dies away."""
    time = np.arange(round(TAIL_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    decay = 10 ** (-3 * time / timbre.reverb_seconds)
    echoes = random.normal(size=len(time)) * decay
    echoes *= 10 ** (timbre.reverb_db / 20) / np.sqrt((echoes**2).sum())
    echoes[0] = 1.0
    return echoes


def noise_floor(samples: int, random: np.random.Generator) -> np.ndarray:
    """The noise of one recording, [samples]; its level and color are drawn from ``random`` too."""
    level_db, tilt_db = random.uniform(*FLOOR_DB), random.uniform(*FLOOR_TILT_DB)

    def gain(frequencies: np.ndarray) -> np.ndarray:
        octaves = np.log2(np.maximum(frequencies, 60.0) / PIVOT_HZ)
        return 10 ** (tilt_db * octaves / 20)

    level = 10 ** (level_db / 20)
    return level * colored_noise(samples, SAMPLE_RATE, gain, random)
