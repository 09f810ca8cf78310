"""Log-mel spectrograms and the networks' input image as TensorFlow ops, for the exported model.

It stands in the exported graph, so that a server takes sound and needs neither Python nor librosa.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.log_mel import (
    IMAGE_SIZE,
    LEVELS,
    MIN_CLIP_RANGE_DB,
    jet_colors,
    mel_filter_bank,
    periodic_hann,
)
from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import AudioConfig, Config
from cargan_tf.utils.arrays import ImageSize, height_width
from cargan_tf.utils.portable_ops import wants_portable_ops


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
                by default computed by librosa.

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
        half = audio.n_fft // 2  # windows are centered on multiples of the hop
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


def to_jet_image(log_mel: tf.Tensor, size: ImageSize) -> tf.Tensor:
    """Color each value, enlarge the colors to the authors' PNG, and read that at ``size``.

    Args:
        log_mel: [B, n_mels, frames] in [0, 1], each clip scaled by its own range.
        size: of the image in pixels.

    Returns:
        [B, H, W, 3] float32 in [-1, 1]. Rows are time, downwards; columns are mel bands.
    """
    values = tf.transpose(tf.cast(log_mel, tf.float32), [0, 2, 1])
    levels = tf.clip_by_value(tf.cast(values * LEVELS, tf.int32), 0, LEVELS - 1)
    images = tf.gather(tf.constant(jet_colors(), tf.float32), levels)  # [B, frames, n_mels, 3]
    images = _resized(images, IMAGE_SIZE)
    if size != IMAGE_SIZE:
        images = _resized(images, size)
    return tf.ensure_shape(images / 127.5 - 1.0, (None, *height_width(size), 3))


def _resized(images: tf.Tensor, size: ImageSize) -> tf.Tensor:
    """By Pillow's bicubic filter, to whole steps of 255 as an image file holds them."""
    resized = resize_antialiased(images, height_width(size), method="bicubic")
    return tf.round(tf.clip_by_value(resized, 0.0, 255.0))


def resize_antialiased(
    images: tf.Tensor, size: tuple[int, int], method: Literal["bilinear", "bicubic"] = "bilinear"
) -> tf.Tensor:
    """[B, H, W, C] to [B, *size, C]; where pixels outnumber the new ones, each still counts."""
    if not wants_portable_ops():
        return tf.image.resize(images, size, method=method, antialias=True)
    # ONNX's Resize weighs otherwise; resizing is linear along each axis, so two products equal it.
    rows, columns = (
        _resize_weights(before, after, method)
        for before, after in zip(images.shape[1:3], size, strict=True)
    )
    planes = tf.transpose(images, [0, 3, 1, 2])
    resized = tf.matmul(tf.matmul(rows, planes), columns, transpose_b=True)
    return tf.transpose(resized, [0, 2, 3, 1])


def _resize_weights(before: int, after: int, method: str) -> NDArray[np.float32]:
    """[after, before]: the weight of each old pixel in each new one."""
    with tf.init_scope():
        one_each = tf.eye(before)[tf.newaxis, :, :, tf.newaxis]
        resized = tf.image.resize(one_each, (after, before), method=method, antialias=True)
        weights: NDArray[np.float32] = resized[0, :, :, 0].numpy()
    return weights


def spectrogram_input(log_mel: tf.Tensor, statistics: BandStatistics, config: Config) -> tf.Tensor:
    """What the configured networks see of a sound.

    Args:
        log_mel: [B, n_mels, frames], as ``config.audio`` scales it.
        statistics: of the training data; the jet image goes without.
        config: image size, and which of the two ``model.spectrogram`` names.

    Returns:
        [B, H, W, 1], see ``to_spectrogram``, or [B, H, W, 3], see ``to_jet_image``.
    """
    size = config.data.image_size
    if config.model.spectrogram == "jet":
        return to_jet_image(log_mel, size)
    return to_spectrogram(log_mel, statistics, config.audio.clip_std, size)


def to_spectrogram(
    log_mel: tf.Tensor, statistics: BandStatistics, clip_std: float, size: ImageSize
) -> tf.Tensor:
    """Standardize each mel band, scale to [-1, 1] and resize.

    Args:
        log_mel: [B, n_mels, frames] in dB.
        statistics: mean and standard deviation in dB of each mel band over the training data.
        clip_std: stds from the mean that map to ±1; values beyond are clipped.
        size: of the image in pixels.

    Returns:
        [B, H, W, 1] float32 in [-1, 1]. Rows are mel bands, row 0 the lowest (drawn as a
        image, low notes are at the top); columns are time from left to right.

    Raises:
        ValueError: the number of mel bands differs from that of ``statistics``, or
            ``clip_std`` is not positive.
    """
    log_mel = tf.cast(log_mel, tf.float32)
    bands = len(statistics.mean)
    if not log_mel.shape[-2:-1].is_compatible_with([bands]):
        raise ValueError(f"log_mel must be [B, {bands}, frames], received shape {log_mel.shape}")
    if clip_std <= 0:
        raise ValueError(f"clip_std must be positive, received {clip_std}")
    mean = tf.constant(statistics.mean, tf.float32, shape=(1, bands, 1))
    reach = clip_std * tf.constant(statistics.std, tf.float32, shape=(1, bands, 1))
    scaled = tf.clip_by_value((log_mel - mean) / reach, -1.0, 1.0)
    images = scaled[..., tf.newaxis]  # [B, n_mels, frames, 1]
    shape = height_width(size)
    if images.shape[1:3] != shape:
        images = resize_antialiased(images, shape)
        images = tf.clip_by_value(images, -1.0, 1.0)  # weights sum to 1 but for round-off
    return tf.ensure_shape(images, (None, *shape, 1))
