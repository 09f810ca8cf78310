"""Silence, noise and notes are told apart."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from cargan_tf.audio.quality import SILENCE_FLOOR_DB, measure_quality, octave_flatness
from cargan_tf.config import AudioConfig

AUDIO = AudioConfig()
RATE = AUDIO.sample_rate
SAMPLES = AUDIO.clip_samples


def noise(slope=0.0, low_pass=None, seed=0, samples=SAMPLES, rate=RATE):
    """Power falls as frequency to -slope (0 white, 1 pink, 2 brown), steeply over low_pass Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
    frequency = np.fft.rfftfreq(samples, 1 / rate)
    spectrum *= np.maximum(frequency, 20.0) ** (-slope / 2)
    if low_pass:
        spectrum /= np.sqrt(1 + (frequency / low_pass) ** 8)
    made = np.fft.irfft(spectrum, samples)
    return 0.1 * made / made.std()


def note(frequency, noise_db=-44.0, vibrato=0.0, samples=SAMPLES, rate=RATE):
    """Harmonics, with vibrato in semitones, over white noise so many dB below them."""
    time = np.arange(samples) / rate
    bent = frequency * 2 ** (vibrato * np.sin(2 * np.pi * 5.5 * time) / 12)
    phase = 2 * np.pi * np.cumsum(bent) / rate
    tone = sum(np.sin(k * phase + k) / k for k in range(1, 16) if k * frequency < rate / 2)
    return 0.1 * tone / tone.std() + 10 ** (noise_db / 20) * noise(samples=samples, rate=rate)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize(
    ("slope", "low_pass"), [(0, None), (1, None), (2, None), (1, 500), (0, 4_000)]
)
def test_noise_of_any_colour_is_noise_like(slope, low_pass, rate, seed):
    audio = AudioConfig(sample_rate=rate)
    quality = measure_quality(noise(slope, low_pass, seed, audio.clip_samples, rate), audio)
    assert quality.noise_like
    assert not quality.silent


def test_white_noise_has_the_flatness_of_theory():
    # exp(-Euler's constant): the geometric mean of exponentially distributed power.
    assert measure_quality(noise(), AUDIO).flatness == pytest.approx(
        np.exp(-np.euler_gamma), abs=0.02
    )


@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize("vibrato", [0.0, 0.5])
@pytest.mark.parametrize("frequency", [41.2, 65.4, 110, 440, 1_760, 3_520])
def test_notes_over_a_noise_floor_are_not(frequency, vibrato, rate):
    audio = AudioConfig(sample_rate=rate)
    clip = note(frequency, vibrato=vibrato, samples=audio.clip_samples, rate=rate)
    quality = measure_quality(clip, audio)
    assert not quality.noise_like
    assert not quality.silent
    assert quality.flatness < audio.noise_flatness / 4


def test_a_breathy_note_is_not():
    assert not measure_quality(note(440, noise_db=-6.0), AUDIO).noise_like


def test_a_fast_scale_is_not():
    frequencies = 440 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    steps = frequencies[np.arange(SAMPLES) * 8 // SAMPLES]
    phase = 2 * np.pi * np.cumsum(steps) / RATE
    scale = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 12))
    assert not measure_quality(scale, AUDIO).noise_like


def test_a_short_note_padded_with_zeros_is_not():
    clip = note(440)
    clip[SAMPLES // 3 :] = 0
    assert not measure_quality(clip, AUDIO).noise_like


def test_a_plucked_note_is_not():
    time = np.arange(SAMPLES) / RATE
    pluck = sum(
        np.exp(-(4 + 2 * k) * time) * np.sin(2 * np.pi * 98 * k * time) / k for k in range(1, 15)
    )
    assert not measure_quality(0.3 * pluck, AUDIO).noise_like


def test_one_octave_of_one_window_is_librosas_flatness(monkeypatch):
    clip = noise(1) + note(700)
    window = librosa.filters.get_window("hann", SAMPLES)
    power = np.abs(np.fft.rfft(clip * window)) ** 2
    octave = slice(689, 1378)  # of 11,026 bins: the fourth octave from the top
    expected = librosa.feature.spectral_flatness(S=power[octave, None], power=1.0, amin=1e-20)
    monkeypatch.setattr("cargan_tf.audio.quality._octaves", lambda bins, rate: [(689, 1378)])
    assert octave_flatness(clip, RATE) == pytest.approx(float(expected[0, 0]), rel=1e-9)


@pytest.mark.parametrize("amplitude", [1e-12, 1.0, 1e6])
def test_flatness_does_not_depend_on_loudness(amplitude):
    clip = noise(1) + note(440)
    flatness = octave_flatness(clip, RATE)
    assert octave_flatness(amplitude * clip, RATE) == pytest.approx(flatness, rel=1e-3)


def test_digital_silence():
    quality = measure_quality(np.zeros(SAMPLES, np.float32), AUDIO)
    assert quality.rms_db == SILENCE_FLOOR_DB
    assert quality.flatness == 0.0
    assert quality.silent
    assert not quality.noise_like


@pytest.mark.parametrize(("rms_db", "silent"), [(-49.9, False), (-50.1, True), (0.0, False)])
def test_loudness(rms_db, silent):
    clip = noise() * 10 * 10 ** (rms_db / 20)
    quality = measure_quality(clip.astype(np.float32), AUDIO)
    assert quality.rms_db == pytest.approx(rms_db, abs=1e-3)
    assert quality.silent is silent
    assert quality.noise_like is not silent


@pytest.mark.parametrize("samples", [1, 2, 7, 20, 441, 22_049, 22_050, 22_051, 50_000, 66_150])
@pytest.mark.parametrize("rate", [4_000, 44_100, 192_000])
def test_any_length_and_rate(samples, rate):
    audio = AudioConfig(sample_rate=rate)
    quality = measure_quality(noise(samples=max(samples, 8))[:samples], audio)
    assert 0.0 <= quality.flatness <= 1.0


def test_the_end_of_a_longer_clip_counts():
    clip = np.zeros(SAMPLES * 2 + 1_000)
    clip[-5_000:] = noise(1)[:5_000]
    assert measure_quality(clip, AUDIO).noise_like


def test_refused():
    for clip in (np.zeros(0), np.zeros((10, 2))):
        with pytest.raises(ValueError, match="clip must be"):
            measure_quality(clip, AUDIO)
