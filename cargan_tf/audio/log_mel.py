"""The log-mel spectrogram as librosa computes it, in NumPy: the reference of ``log_mel_graph``.

Also the jet colors of the authors' spectrogram images.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.config import AudioConfig, Config
from cargan_tf.utils.banded_matrix import BandedMatrix, Row

#: The least range by which a clip is scaled to 0..1: round-off in silence must not be blown up.
MIN_CLIP_RANGE_DB: Final = 1.0
#: Mel bands that are summed at once: 8 to 16 were equally fast, all 128 four times slower.
_BANDS_AT_ONCE: Final = 16


#: The sound classifier's log-mel: bands from 30 Hz to 10 kHz, windows of about 46 ms every 12 ms.
_BANDS: Final = 96
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 10_000.0
_WINDOW_SECONDS, _HOP_SECONDS = 0.0464, 0.0116

LEVELS: Final = 256
IMAGE_SIZE: Final = 256
#: Corners of matplotlib's jet: (value, color) of red, green and blue, straight lines between.
_CORNERS: Final = (
    ((0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)),
    ((0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)),
    ((0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)),
)


@lru_cache(32)
def periodic_hann(length: int) -> NDArray[np.float64]:
    """[length] as librosa takes it, not to be written to: all who ask for it are given the same.

    ``tf.signal.hann_window`` differs where length is odd.
    """
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    window.flags.writeable = False
    return window


def mel_filter_bank(audio: AudioConfig) -> NDArray[np.float64]:
    """The weights from a power spectrum to mel bands: Slaney's scale and area normalization.

    Args:
        audio: rate, window, number of bands and their edges.

    Returns:
        [n_mels, 1 + n_fft // 2], row 0 the lowest band, by ``librosa.filters.mel``.
    """
    from librosa.filters import mel  # takes a second: only where it is used

    bank: NDArray[np.float64] = mel(
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


def mel_centers(audio: AudioConfig) -> NDArray[np.float64]:
    """The frequency in Hz at which each band of ``mel_filter_bank`` has its peak, [n_mels]."""
    from librosa import mel_frequencies  # as above

    highest = audio.sample_rate / 2 if audio.f_max is None else audio.f_max
    edges = mel_frequencies(n_mels=audio.n_mels + 2, fmin=audio.f_min, fmax=highest)
    centers: NDArray[np.float64] = edges[1:-1]
    return centers


def sound_classifier_audio(config: Config) -> AudioConfig:
    """The log-mel that the sound classifier of a configuration takes.

    With ``model.spectrogram: jet`` it is the data set's, as its source may have no waveforms.
    """
    audio = config.audio
    if config.model.spectrogram == "jet":
        return audio
    rate = audio.sample_rate
    window = 2 ** round(math.log2(_WINDOW_SECONDS * rate))
    return AudioConfig(
        sample_rate=rate,
        clip_seconds=audio.clip_seconds,
        n_fft=window,
        hop_length=round(_HOP_SECONDS * rate),
        n_mels=_BANDS,
        f_min=_LOWEST_HZ,
        f_max=min(_HIGHEST_HZ, rate / 2),
        silence_rms_db=audio.silence_rms_db,
        noise_flatness=audio.noise_flatness,
    )


def log_mel(waveforms: NDArray[Any], audio: AudioConfig) -> NDArray[np.float32]:
    """Compute log-mel spectrograms, the numbers of ``librosa.feature.melspectrogram``.

    Hann windows centered on multiples of ``hop_length``, zeros beyond both ends, power spectrum,
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
    half = audio.n_fft // 2  # windows are centered on multiples of the hop
    # In float64: near the floor, float32's round-off in the FFT is many dB.
    padded = np.zeros(waveforms.shape[1] + 2 * half, np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, audio.n_fft)[:: audio.hop_length]
    window, bank = periodic_hann(audio.n_fft), _bands_of(audio)
    windowed = np.empty(frames.shape, np.float64)
    bands = np.empty((len(waveforms), len(frames), audio.n_mels), np.float64)
    for waveform, power in zip(waveforms, bands, strict=True):  # all spectra at once are slower
        padded[half : half + len(waveform)] = waveform
        np.multiply(frames, window, out=windowed)
        bank.of_rows(_power(np.fft.rfft(windowed)), out=power)
    np.maximum(bands, 10.0 ** (audio.floor_db / 10.0), out=bands)
    decibels = np.multiply(10.0, np.log10(bands, out=bands), out=bands).transpose(0, 2, 1)
    if audio.log_mel_scale == "clip":
        decibels = _scaled_by_clip(decibels)
    return decibels.astype(np.float32, order="C")


@lru_cache(8)
def _bands_of(audio: AudioConfig) -> BandedMatrix:
    """The filter bank, of which each row is 0 but for a few neighboring frequencies."""
    rows: list[Row] = []
    for row in mel_filter_bank(audio):
        reached = np.flatnonzero(row)
        first, last = (reached[0], reached[-1] + 1) if len(reached) else (0, 1)
        rows.append((int(first), row[first:last]))
    return BandedMatrix(rows, _BANDS_AT_ONCE, np.float64)


def _power(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def _scaled_by_clip(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """[B, n_mels, frames] in dB -> each of the B to [0, 1]."""
    least = decibels.min(axis=(1, 2), keepdims=True)
    reach = np.maximum(decibels.max(axis=(1, 2), keepdims=True) - least, MIN_CLIP_RANGE_DB)
    scaled: NDArray[np.float64] = (decibels - least) / reach
    return scaled


"""Colors of the map; level k stands for the values from k/256 to (k + 1)/256."""

"""Pixels a side of the images they published, whatever size their networks then read them at."""


@cache
def jet_colors() -> NDArray[np.uint8]:
    """[256, 3]: the RGB color of each level, rounded down as matplotlib does."""
    values = np.linspace(0.0, 1.0, LEVELS)
    corners = [np.asarray(channel) for channel in _CORNERS]
    channels = [np.interp(values, corner[:, 0], corner[:, 1]) for corner in corners]
    return (np.stack(channels, axis=1) * 255).astype(np.uint8)
