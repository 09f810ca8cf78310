"""The log-mel spectrogram by stock TensorFlow ops, equal to librosa's within 1e-3 dB.

It stands in the exported graph, so that a server takes sound and needs neither Python nor librosa.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.log_mel import MIN_CLIP_RANGE_DB, mel_filter_bank
from cargan_tf.audio.window import periodic_hann
from cargan_tf.config import AudioConfig


class LogMelGraph(tf.Module):
    """``log_mel.log_mel`` as a graph.

    The window and the filter bank enter each graph as constants (they are no variables: nothing
    to restore), and the arithmetic is float64: in float32 the FFT's round-off near the floor
    breaks parity with librosa by several dB.
    """

    def __init__(self, audio: AudioConfig, filter_bank: NDArray[Any] | None = None) -> None:
        """Prepare the constants.

        Args:
            audio: rate, window, hop, bands, floor and scale.
            filter_bank: [n_mels, 1 + n_fft // 2], as ``log_mel.mel_filter_bank`` gives it;
                computed by librosa when left out.

        Raises:
            ValueError: ``filter_bank`` has another shape.
        """
        super().__init__(name="log_mel")
        if filter_bank is None:
            filter_bank = mel_filter_bank(audio)
        expected = (audio.n_mels, 1 + audio.n_fft // 2)
        if filter_bank.shape != expected:
            raise ValueError(f"filter_bank must be {expected}, received shape {filter_bank.shape}")
        self._audio = audio
        self._window = periodic_hann(audio.n_fft)
        self._bank = np.ascontiguousarray(filter_bank.T, np.float64)  # [1 + n_fft // 2, n_mels]

    def __call__(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Compute log-mel spectrograms.

        Args:
            waveforms: [B, samples] float32, full scale at ±1; both sizes may be unknown.

        Returns:
            [B, n_mels, 1 + samples // hop_length] float32 in dB, at least ``floor_db``, or in
            [0, 1] with ``log_mel_scale: clip``.
        """
        audio = self._audio
        half = audio.n_fft // 2  # windows are centred on multiples of the hop
        padded = tf.pad(tf.cast(waveforms, tf.float64), [[0, 0], [half, half]])
        frames = tf.signal.frame(padded, audio.n_fft, audio.hop_length)  # [B, frames, n_fft]
        spectrum = tf.signal.rfft(frames * tf.constant(self._window, tf.float64))
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        bands = tf.matmul(power, tf.constant(self._bank, tf.float64))  # [B, frames, n_mels]
        floor = tf.constant(10.0 ** (audio.floor_db / 10.0), tf.float64)
        decibels = (10.0 / math.log(10.0)) * tf.math.log(tf.maximum(bands, floor))
        if audio.log_mel_scale == "clip":
            least = tf.reduce_min(decibels, axis=[1, 2], keepdims=True)
            reach = tf.reduce_max(decibels, axis=[1, 2], keepdims=True) - least
            decibels = (decibels - least) / tf.maximum(reach, MIN_CLIP_RANGE_DB)
        return tf.cast(tf.transpose(decibels, [0, 2, 1]), tf.float32)
