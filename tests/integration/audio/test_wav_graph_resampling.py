"""Sums of sines are known at any rate, so that the right answer needs no other resampler."""

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.wav_graph import resample

resampled = tf.function(resample)

RATES = [(44_100, 8_000), (8_000, 44_100), (48_000, 44_100), (22_050, 44_100), (44_101, 8_000)]


def sines(rate, frequencies, seconds=0.5):
    times = np.arange(round(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * f * times + f) for f in frequencies).astype(np.float32)


def decibels(error):
    return 20 * np.log10(np.sqrt(np.mean(np.square(error))) + 1e-9)


@pytest.mark.parametrize(("rate", "target"), RATES)
def test_sines_below_nine_tenths_of_the_band_arrive_as_they_are(rate, target):
    tones = [440.3, 0.3 * min(rate, target), 0.44 * min(rate, target)]
    count = target // 2
    got = resampled(tf.constant(sines(rate, tones)), tf.constant(rate), target, count).numpy()
    inner = slice(count // 5, -count // 5)  # the ends hear the silence beyond
    assert decibels((got - sines(target, tones))[inner]) < -95


@pytest.mark.parametrize("fraction", [1.02, 1.3, 2.0])
def test_what_the_lower_rate_cannot_hold_is_gone(fraction):
    tone = tf.constant(sines(44_100, [fraction * 4_000]))
    got = resampled(tone, tf.constant(44_100), 8_000, 4_000).numpy()
    assert decibels(got[400:-400]) < -80


def test_silence_is_heard_beyond_the_end():
    got = resampled(tf.ones([500]), tf.constant(4_000), 8_000, 4_000).numpy()
    assert np.abs(got[100:900] - 1).max() < 0.01
    np.testing.assert_array_equal(got[1_200:], 0)


def test_no_samples_are_silence():
    got = resampled(tf.zeros([0]), tf.constant(44_100), 8_000, 10).numpy()
    np.testing.assert_array_equal(got, np.zeros(10))
