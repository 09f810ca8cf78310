"""The standardized, resized log-mel: range, orientation, shape."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.log_mel_graph import to_spectrogram
from cargan_tf.audio.normalization import BandStatistics

BANDS = 128
STATISTICS = BandStatistics(
    mean=tuple(np.linspace(-20, -70, BANDS).tolist()),
    std=tuple(np.linspace(5, 15, BANDS).tolist()),
)
MEAN = np.array(STATISTICS.mean, np.float32)[None, :, None]
SPREAD = np.array(STATISTICS.std, np.float32)[None, :, None]


def random_log_mel(frames=44, count=3, stretch=1.0):
    rng = np.random.default_rng(0)
    values = MEAN + stretch * SPREAD * rng.normal(size=(count, BANDS, frames))
    return values.astype(np.float32)


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("stretch", [0.1, 1.0, 100.0])
def test_shape_and_range(size, stretch):
    result = to_spectrogram(tf.constant(random_log_mel(stretch=stretch)), STATISTICS, 2.5, size)
    assert result.shape == (3, size, size, 1)
    assert result.dtype == tf.float32
    assert float(tf.reduce_min(result)) >= -1.0
    assert float(tf.reduce_max(result)) <= 1.0


def test_values_without_resizing():
    log_mel = random_log_mel(frames=BANDS)
    result = to_spectrogram(tf.constant(log_mel), STATISTICS, 2.5, BANDS).numpy()[..., 0]
    expected = np.clip((log_mel - MEAN) / SPREAD / 2.5, -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_each_band_is_scaled_by_its_own_spread():
    log_mel = np.repeat(MEAN + 1.25 * SPREAD, 44, axis=2)
    result = to_spectrogram(tf.constant(log_mel), STATISTICS, 2.5, 64)
    np.testing.assert_allclose(result, 0.5, atol=1e-5)


def test_the_lowest_band_is_row_0_and_time_runs_along_columns():
    low = np.repeat(MEAN, 44, axis=2)
    low[:, :8] += 2 * SPREAD[:, :8]
    rows = to_spectrogram(tf.constant(low), STATISTICS, 2.5, 64).numpy()[0, ..., 0].mean(axis=1)
    assert rows[:3].min() > 0.7
    assert abs(rows[8:]).max() < 1e-3
    late = np.repeat(MEAN, 44, axis=2)
    late[:, :, 33:] += 2 * SPREAD
    columns = to_spectrogram(tf.constant(late), STATISTICS, 2.5, 64).numpy()[0, ..., 0].mean(axis=0)
    assert columns[52:].min() > 0.7
    assert abs(columns[:44]).max() < 1e-3


def test_shrinking_counts_every_band():
    """Without antialiasing, 16 rows would look at one pair of 8 bands each and miss the rest."""
    log_mel = np.repeat(MEAN, 44, axis=2)
    log_mel[:, 64] += 2.5 * SPREAD[:, 64]
    result = to_spectrogram(tf.constant(log_mel), STATISTICS, 2.5, 16).numpy()
    assert result.max() > 0.05


def test_unknown_batch_in_a_function():
    function = tf.function(
        lambda log_mel: to_spectrogram(log_mel, STATISTICS, 2.5, 64),
        input_signature=[tf.TensorSpec([None, None, None], tf.float32)],
    )
    log_mel = random_log_mel()
    np.testing.assert_allclose(
        function(log_mel), to_spectrogram(tf.constant(log_mel), STATISTICS, 2.5, 64), atol=1e-6
    )
    assert function.get_concrete_function().output_shapes.as_list() == [None, 64, 64, 1]


def test_refused():
    with pytest.raises(ValueError, match=r"\[B, 128, frames\]"):
        to_spectrogram(tf.zeros([1, 64, 44]), STATISTICS, 2.5, 64)
    with pytest.raises(ValueError, match="clip_std"):
        to_spectrogram(tf.zeros([1, 128, 44]), STATISTICS, 0.0, 64)
