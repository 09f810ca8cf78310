"""SpecAugment (Park et al. 2019): masks mel bands and frames, with tensorflow-io's ops."""

from __future__ import annotations

import warnings

import tensorflow as tf

from cargan_tf.errors import UserError

with warnings.catch_warnings():
    # tensorflow-io's compiled file systems and decoders do not load beside this TensorFlow; its
    # audio ops, all that is used here, are written in Python.
    warnings.filterwarnings("ignore", message="unable to load libtensorflow_io_plugins.so")
    warnings.filterwarnings("ignore", message="file system plugins are not loaded")
    import tensorflow_io as tfio


def check_masks(freq_mask: int, time_mask: int, n_mels: int, frames: int) -> None:
    """Check that masks cannot hide a whole log-mel.

    Raises:
        UserError: a mask could hide all bands or all frames.
    """
    for name, mask, whole in (("freq_mask", freq_mask, n_mels), ("time_mask", time_mask, frames)):
        if mask >= whole:
            raise UserError(
                f"data.{name} = {mask} could hide all {whole} rows of the log-mel; choose less"
                f" than {whole}."
            )


def mask_stream(
    freq_mask: int, time_mask: int, n_mels: int, frames: int, *, seed: int, start: int = 0
) -> tf.data.Dataset:
    """An endless stream of masks, one per example: float32 [n_mels, frames], 0 where hidden.

    tensorflow-io draws from random state that advances with every call. The stream draws in
    order and independently of the data, so to begin at ``start`` it replays the draws before
    it (some 50 µs each) and nothing else: the masks after it are the same, bit for bit.

    Args:
        freq_mask: mel bands hidden at most; 0 hides none.
        time_mask: frames hidden at most; 0 hides none.
        n_mels: mel bands.
        frames: frames.
        seed: of the draws.
        start: number of masks to skip.
    """

    def draw(_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tf.random.set_seed(seed)  # within a graph it seeds this graph's ops alone
        # tensorflow-io's order is time, then frequency. Its upper bound is exclusive: of N, it
        # hides 0 to N - 1.
        bands, times = tf.ones([1, n_mels]), tf.ones([frames, 1])
        if freq_mask:
            bands = tfio.audio.freq_mask(bands, freq_mask + 1)
        if time_mask:
            times = tfio.audio.time_mask(times, time_mask + 1)
        return bands, times

    def to_mask(bands: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.transpose(times * bands), [n_mels, frames])

    factors = tf.data.Dataset.counter().map(draw)  # serial: in the order of the draws
    return factors.skip(start).map(to_mask)
