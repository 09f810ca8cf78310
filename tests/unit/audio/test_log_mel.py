"""The log-mel against librosa's own functions, called one by one."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from cargan_tf.audio.log_mel import log_mel, mel_filter_bank
from cargan_tf.config import AudioConfig


@pytest.mark.parametrize(
    "audio",
    [
        AudioConfig(),
        AudioConfig(sample_rate=22_050),
        AudioConfig(sample_rate=22_050, n_fft=1024, hop_length=256, n_mels=64),
        AudioConfig(n_mels=80, f_min=50.0, f_max=16_000.0, floor_db=-80.0),
    ],
)
def test_equals_librosa_power_to_db(audio):
    rng = np.random.default_rng(0)
    waveforms = np.stack([scale * rng.normal(size=audio.clip_samples) for scale in (0.3, 1e-5, 0)])
    waveforms = waveforms.astype(np.float32)
    result = log_mel(waveforms, audio)
    assert result.shape == (3, audio.n_mels, audio.frames)
    assert result.dtype == np.float32
    for waveform, decibels in zip(waveforms.astype(np.float64), result, strict=True):
        spectrum = librosa.stft(
            waveform, n_fft=audio.n_fft, hop_length=audio.hop_length, pad_mode="constant"
        )
        filters = librosa.filters.mel(
            sr=audio.sample_rate,
            n_fft=audio.n_fft,
            n_mels=audio.n_mels,
            fmin=audio.f_min,
            fmax=audio.f_max,
        )
        expected = librosa.power_to_db(
            filters @ np.abs(spectrum) ** 2, ref=1.0, amin=10 ** (audio.floor_db / 10), top_db=None
        )
        np.testing.assert_allclose(decibels, expected, atol=1e-4)


def test_silence_is_the_floor_everywhere():
    audio = AudioConfig(floor_db=-90.0)
    np.testing.assert_allclose(log_mel(np.zeros((1, audio.clip_samples)), audio), -90.0, atol=1e-5)


def test_a_tone_is_loudest_in_the_band_around_it():
    audio = AudioConfig()
    time = np.arange(audio.clip_samples) / audio.sample_rate
    decibels = log_mel(np.sin(2 * np.pi * 1_000 * time)[None], audio)[0]
    centres = librosa.mel_frequencies(audio.n_mels + 2, fmin=0.0, fmax=22_050.0)[1:-1]
    assert abs(centres[decibels.mean(axis=1).argmax()] - 1_000) < 50


def test_filter_bank():
    audio = AudioConfig()
    bank = mel_filter_bank(audio)
    assert bank.shape == (128, 1025)
    assert bank.dtype == np.float64
    expected = librosa.filters.mel(sr=44_100, n_fft=2048, n_mels=128)
    np.testing.assert_allclose(bank, expected, atol=1e-8)


def test_only_batches_are_taken():
    with pytest.raises(ValueError, match=r"received shape \(22050,\)"):
        log_mel(np.zeros(22_050), AudioConfig())


def test_scaled_by_clip_the_level_is_gone_and_silence_is_zero():
    audio = AudioConfig(n_fft=512, hop_length=173, n_mels=34, log_mel_scale="clip")
    noise = 0.1 * np.random.default_rng(0).normal(size=audio.clip_samples)
    loud, soft, silent = log_mel(np.stack([noise, noise / 10, 0 * noise]), audio)
    assert loud.shape == (34, 128)
    assert (loud.min(), loud.max()) == (0, 1)
    np.testing.assert_allclose(loud, soft, atol=1e-6)
    assert not silent.any()
