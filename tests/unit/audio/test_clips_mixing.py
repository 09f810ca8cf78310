import numpy as np
import pytest

from cargan_tf.audio.clips import Clip, mix_clips, mix_waveforms
from cargan_tf.errors import UserError

TIMES = np.arange(8_000) / 8_000
LOUD = (0.8 * np.sin(2 * np.pi * 440 * TIMES)).astype(np.float32)
SOFT = (0.008 * np.sin(2 * np.pi * 1_000 * TIMES)).astype(np.float32)
SILENCE = np.zeros_like(LOUD)


def decibels(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def strength(samples, hertz):
    """Amplitude of one partial: the clips last a second, so bins are hertz."""
    return 2 * np.abs(np.fft.rfft(samples))[hertz] / len(samples)


def test_the_ends_are_the_sounds_themselves():
    assert mix_waveforms(LOUD, SOFT, 0) is LOUD
    assert mix_waveforms(LOUD, SOFT, 1) is SOFT


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5, 0.9])
def test_weights_are_of_sounds_of_one_loudness(alpha):
    mix = mix_waveforms(LOUD, SOFT, alpha)
    assert strength(mix, 1_000) / strength(mix, 440) == pytest.approx(alpha / (1 - alpha), 1e-4)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5, 0.9])
def test_loudness_goes_evenly_from_one_to_the_other_in_decibels(alpha):
    expected = (1 - alpha) * decibels(LOUD) + alpha * decibels(SOFT)
    assert decibels(mix_waveforms(LOUD, SOFT, alpha)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("pair", [(LOUD, SILENCE), (SILENCE, LOUD), (LOUD, -LOUD)])
def test_silence_and_sounds_that_cancel_out_give_finite_samples(pair):
    mix = mix_waveforms(*pair, 0.5)
    assert mix.dtype == np.float32
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() <= 0.8


def test_of_a_sound_and_silence_the_weight_is_left():
    np.testing.assert_allclose(mix_waveforms(LOUD, SILENCE, 0.25), 0.75 * LOUD, atol=1e-7)


def test_a_mix_of_clips_stands_where_the_first_does():
    mix = mix_clips(Clip(LOUD, start=7, padded=100), Clip(SOFT, start=9, padded=300), 0.5)
    assert (mix.start, mix.padded) == (7, 100)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_a_weight_out_of_bounds_is_refused(alpha):
    with pytest.raises(UserError, match=r"expected 0 \(the first sound\) to 1"):
        mix_clips(Clip(LOUD, 0, 0), Clip(SOFT, 0, 0), alpha)
