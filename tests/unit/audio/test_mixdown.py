"""Channels that cancel or hold nothing, and samples in another range: put right, and said."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from cargan_tf.audio.decode import decode_file, read_audio
from cargan_tf.audio.mixdown import decode_waveform, mix_down, to_mono_at_rate
from cargan_tf.errors import UserError

RATE = 22_050
NOTE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
OTHER = 0.4 * np.sin(2 * np.pi * 620 * np.arange(RATE) / RATE)
NOISE = np.random.default_rng(5).normal(0, 0.02, RATE)
FAINT = 1e-4 * np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)


def decoded(tmp_path, samples, as_array, subtype="FLOAT"):
    """By the file's way and by the array's."""
    if as_array:
        return decode_waveform(np.asarray(samples, np.float32), RATE, RATE)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype=subtype)
    return decode_file(tmp_path / "a.wav", RATE)


MISLEADING = {
    "the right is the left inverted": ([NOTE, -NOTE], NOTE, "opposite"),
    "nearly": ([NOTE, -NOTE + NOISE], NOTE - NOISE / 2, "opposite"),
    "inverted and softer": ([NOTE, -0.5 * NOTE], 0.75 * NOTE, "opposite"),
    "inverted with an offset": ([NOTE, 0.1 - NOTE], NOTE - 0.05, "opposite"),
    "the right is silent": ([NOTE, 0 * NOTE], NOTE, "1 of its 2 channels"),
    "the left is silent": ([0 * NOTE, NOTE], NOTE, "1 of its 2 channels"),
    "the left is a cable": ([FAINT, NOTE], NOTE, "1 of its 2 channels"),
    "the left is an offset": ([0 * NOTE + 0.5, NOTE], NOTE, "1 of its 2 channels"),
    "one of six": ([NOTE] + 5 * [0 * NOTE], NOTE, "5 of its 6 channels"),
    "three, one inverted": ([NOTE, -NOTE, OTHER], (2 * NOTE + OTHER) / 3, "opposite"),
}


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("case", MISLEADING)
def test_channels_that_mislead_are_put_right_and_named(tmp_path, case, as_array):
    channels, expected, said = MISLEADING[case]
    sound = decoded(tmp_path, np.stack(channels, axis=1), as_array)
    sign = np.sign(np.dot(sound.samples, expected))
    np.testing.assert_allclose(sign * sound.samples, expected, atol=1e-5)
    assert len(sound.notes) == 1
    assert said in sound.notes[0]


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize(
    "channels",
    [
        [NOTE],
        [NOTE, NOTE],
        [NOTE, OTHER],
        [NOTE, 0.01 * OTHER],
        [NOTE + OTHER, OTHER - NOTE],
        [NOTE, -0.6 * NOTE + OTHER],
        [0 * NOTE, 0 * NOTE],
        [NOTE, OTHER, NOISE],
    ],
    ids=str,
)
def test_other_channels_are_averaged_to_the_bit(tmp_path, channels, as_array):
    samples = np.stack(channels, axis=1).astype(np.float32)
    sound = decoded(tmp_path, samples, as_array)
    expected = samples.mean(axis=1, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(sound.samples, expected)
    assert sound.notes == ()


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_floats_in_the_range_of_integers_are_scaled(tmp_path, bits, as_array):
    full = 2.0 ** (bits - 1)
    sound = decoded(tmp_path, 0.9 / 0.4 * NOTE * full, as_array)
    np.testing.assert_allclose(sound.samples, 0.9 / 0.4 * NOTE, atol=1e-5)
    assert f"{bits}-bit" in sound.notes[0]


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("peak", [0.001, 1.0, 3.0, 15.0])
def test_a_hot_or_a_soft_recording_keeps_its_level(tmp_path, peak, as_array):
    samples = (NOTE / 0.4 * peak).astype(np.float32)
    sound = decoded(tmp_path, samples, as_array)
    np.testing.assert_array_equal(sound.samples, samples)
    assert sound.notes == ()


@pytest.mark.parametrize("as_array", [False, True])
def test_samples_beyond_any_integer_are_refused(tmp_path, as_array):
    with pytest.raises(UserError, match="expected full scale at 1"):
        decoded(tmp_path, NOTE * 1e12, as_array)


def test_two_faults_at_once_and_another_rate(tmp_path):
    stereo = np.stack([NOTE, -NOTE], axis=1) * 2.0**15
    sound = decoded(tmp_path, stereo, as_array=False)
    assert len(sound.notes) == 2
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    at_16_khz = read_audio(tmp_path / "a.wav", 16_000)
    middle = slice(2_000, 14_000)
    expected = 0.4 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(np.abs(at_16_khz[middle]), np.abs(expected[middle]), atol=1e-3)
    np.testing.assert_allclose(to_mono_at_rate(stereo, RATE, 16_000), at_16_khz, atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_channel_that_is_not_finite_is_refused_whatever_the_others_hold(tmp_path, value):
    stereo = np.stack([NOTE, -NOTE], axis=1)
    stereo[RATE // 2, 1] = value
    with pytest.raises(UserError, match=r"at 0\.500 s"):
        decoded(tmp_path, stereo, as_array=False)


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_integers_without_a_sign_are_centered(tmp_path, bits, as_array):
    """As floats made from unsigned samples are: silence lies in the middle of their range."""
    half = 2.0 ** (bits - 1)
    sound = decoded(tmp_path, half + half * NOTE, as_array)
    np.testing.assert_allclose(sound.samples, NOTE, atol=1e-3)
    (note,) = sound.notes
    assert f"{bits}-bit integers without a sign" in note


@pytest.mark.parametrize("as_array", [False, True])
def test_an_offset_that_counts_is_taken_out_and_named(tmp_path, as_array):
    sound = decoded(tmp_path, 0.5 + NOTE, as_array)
    np.testing.assert_allclose(sound.samples, NOTE, atol=1e-4)
    assert sound.notes == ("its samples were offset by 0.5, which was taken out",)
    assert decoded(tmp_path, 0.001 + NOTE, as_array).notes == ()


def test_a_stretch_in_mono_is_heard_beside_channels_that_mislead():
    tone = 0.3 * np.sin(np.arange(4000) * 0.2).astype(np.float32)
    opposite = np.stack([tone, -tone], axis=1)
    sound = mix_down(lambda: iter([(opposite, 8000), (tone[:, None], 8000)]), 8000, "a.mp3")
    assert sound.notes == (
        "its channels are opposite in sign, so that they would cancel; inverted",
    )
    np.testing.assert_allclose(np.abs(sound.samples), np.abs(np.tile(tone, 2)), atol=1e-6)
