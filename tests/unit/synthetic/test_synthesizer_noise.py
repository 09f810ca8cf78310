from __future__ import annotations

import numpy as np
import pytest

from cargan_tf.synthetic.synthesizer import colored_noise, transform_length


@pytest.mark.parametrize("samples", [1, 16_384, 16_385, 280_001])
def test_lengths_are_enough_and_have_small_factors(samples):
    length = transform_length(samples)
    assert samples <= length < samples + 16_384
    assert length % 16_384 == 0


def test_noise_has_its_colour_and_level():
    def low_pass(frequencies):
        return (frequencies < 2000).astype(float)

    noise = colored_noise(20_000, 22_050, low_pass, np.random.default_rng(0))
    assert noise.shape == (20_000,)
    assert np.mean(noise**2) == pytest.approx(1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequencies = np.fft.rfftfreq(20_000, 1 / 22_050)
    assert power[frequencies > 2200].sum() < 0.01 * power.sum()
