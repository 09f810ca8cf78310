"""The log-mel spectrogram by librosa: the reference for its twin in the graph.

The paper's "LMS" (Sec. 2.5). ``log_mel_graph.LogMelGraph`` computes the same numbers by TensorFlow
ops; data preparation may use either.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.config.schema import AudioConfig

MIN_CLIP_RANGE_DB: Final = 1.0
"""The least range by which a clip is scaled to 0..1: round-off in silence must not be blown up."""


def mel_filter_bank(audio: AudioConfig) -> NDArray[np.float64]:
    """The weights from a power spectrum to mel bands: Slaney's scale and area normalisation.

    Args:
        audio: rate, window, number of bands and their edges.

    Returns:
        [n_mels, 1 + n_fft // 2], row 0 the lowest band, by ``librosa.filters.mel``.
    """
    import librosa  # takes seconds: only where it is used

    bank: NDArray[np.float64] = librosa.filters.mel(
        sr=audio.sample_rate,
        n_fft=audio.n_fft,
        n_mels=audio.n_mels,
        fmin=audio.f_min,
        fmax=audio.f_max,
        htk=False,
        norm="slaney",
        dtype=np.float64,
    )
    return bank


def log_mel(waveforms: NDArray[Any], audio: AudioConfig) -> NDArray[np.float32]:
    """Compute log-mel spectrograms by ``librosa.feature.melspectrogram``.

    Hann windows centred on multiples of ``hop_length``, zeros beyond both ends, power spectrum,
    Slaney mel bands, then 10 log10 with ``floor_db`` as the least value; 0 dB is a power of 1. With
    ``log_mel_scale: clip`` each clip is then scaled by its own least and greatest value.

    Args:
        waveforms: [B, samples], full scale at ±1.
        audio: rate, window, hop, bands, floor and scale.

    Returns:
        [B, n_mels, 1 + samples // hop_length] in dB, or in [0, 1].

    Raises:
        ValueError: ``waveforms`` is not [B, samples].
    """
    if waveforms.ndim != 2:
        raise ValueError(f"waveforms must be [B, samples], received shape {waveforms.shape}")
    import librosa

    power = librosa.feature.melspectrogram(
        # In float64: near the floor, float32's round-off in the FFT is many dB.
        y=np.asarray(waveforms, np.float64),
        sr=audio.sample_rate,
        n_fft=audio.n_fft,
        hop_length=audio.hop_length,
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        n_mels=audio.n_mels,
        fmin=audio.f_min,
        fmax=audio.f_max,
        htk=False,
        norm="slaney",
        dtype=np.float64,
    )
    floor = 10.0 ** (audio.floor_db / 10.0)
    decibels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, floor))
    if audio.log_mel_scale == "clip":
        decibels = _scaled_by_clip(decibels)
    return decibels.astype(np.float32)


def _scaled_by_clip(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """[B, n_mels, frames] in dB -> each of the B to [0, 1]."""
    least = decibels.min(axis=(1, 2), keepdims=True)
    reach = np.maximum(decibels.max(axis=(1, 2), keepdims=True) - least, MIN_CLIP_RANGE_DB)
    scaled: NDArray[np.float64] = (decibels - least) / reach
    return scaled
