"""Cutting clips and finding the loudest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfreqz

from cargan_tf.audio.clips import (
    Clip,
    cut_clip,
    louder,
    loudest_start,
    loudness_filter,
    without_offset,
)
from cargan_tf.errors import UserError

RAMP = np.arange(100, dtype=np.float32)


def test_clip_inside():
    clip = cut_clip(RAMP, 30, 20)
    np.testing.assert_array_equal(clip.samples, np.arange(30, 50))
    assert (clip.start, clip.padded, clip.samples.dtype) == (30, 0, np.float32)


def test_clip_is_a_copy():
    waveform = RAMP.copy()
    cut_clip(waveform, 0, 10).samples[:] = -1
    np.testing.assert_array_equal(waveform, RAMP)


@pytest.mark.parametrize(("start", "padded"), [(80, 0), (81, 1), (99, 19)])
def test_clip_at_the_end_is_padded_with_zeros(start, padded):
    clip = cut_clip(RAMP, start, 20)
    assert clip.padded == padded
    np.testing.assert_array_equal(clip.samples[: 20 - padded], RAMP[start:])
    assert not clip.samples[20 - padded :].any()


def test_waveform_shorter_than_a_clip():
    clip = cut_clip(RAMP[:5], 0, 20)
    assert (clip.samples.size, clip.padded) == (20, 15)


@pytest.mark.parametrize("start", [100, 101, 10**9])
def test_start_beyond_the_end_names_the_length_in_seconds(start):
    with pytest.raises(UserError, match=r"the sound lasts 0\.100 s"):
        cut_clip(RAMP, start, 20, sample_rate=1_000)


def test_start_beyond_the_end_without_a_rate():
    with pytest.raises(UserError, match=r"the sound lasts 100 samples"):
        cut_clip(RAMP, 100, 20)


def test_negative_start_and_empty_and_stereo():
    with pytest.raises(UserError, match=r"a start of -0\.005 s, .* give a start from 0"):
        cut_clip(RAMP, -5, 20, sample_rate=1_000)
    with pytest.raises(UserError, match="lasts 0 samples"):
        cut_clip(RAMP[:0], 0, 20)
    with pytest.raises(UserError, match="mono"):
        cut_clip(np.zeros((100, 2)), 0, 20)
    with pytest.raises(ValueError, match="clip_samples"):
        cut_clip(RAMP, 0, 0)


@pytest.mark.parametrize(("clip_samples", "hop"), [(20, 1), (20, 7), (33, 10), (100, 3), (1, 1)])
def test_loudest_start_against_every_window(clip_samples, hop):
    waveform = np.random.default_rng(1).normal(size=997).astype(np.float32)
    starts = range(0, 997 - clip_samples + 1, hop)
    energies = [np.square(waveform[s : s + clip_samples], dtype=np.float64).sum() for s in starts]
    assert loudest_start(waveform, clip_samples, hop) == starts[int(np.argmax(energies))]


@pytest.mark.parametrize("waveform", [np.zeros(1000), np.full(100_000, 0.3, np.float32)])
def test_ties_give_the_first(waveform):
    assert loudest_start(waveform, 70, 1) == 0


def test_a_repeated_passage_gives_its_first_occurrence():
    passage = 0.5 * np.random.default_rng(2).normal(size=500)
    waveform = np.concatenate([np.full(300, 1e-3), passage, np.zeros(201), passage, np.zeros(99)])
    assert loudest_start(waveform, 500, 10) == 300


def test_a_quiet_note_after_a_loud_past_is_still_found():
    waveform = np.zeros(400_000, np.float32)
    waveform[300_000:300_100] = 1e-4
    assert 299_900 <= loudest_start(waveform, 200, 50) <= 300_000


def test_shorter_than_a_clip():
    assert loudest_start(RAMP, 101, 1) == 0
    assert loudest_start(RAMP[:0], 10, 1) == 0


@pytest.mark.parametrize(("decibels", "gain"), [(0, 1), (20, 10), (-20, 0.1)])
def test_louder_scales_the_samples_and_nothing_else(decibels, gain):
    clip = Clip(np.array([0.01, -0.02], np.float32), start=5, padded=1)
    changed = louder(clip, decibels)
    np.testing.assert_allclose(changed.samples, gain * clip.samples, rtol=1e-6)
    assert changed.samples.dtype == np.float32
    assert (changed.start, changed.padded) == (5, 1)


def test_loudest_start_is_the_same_however_many_samples_are_summed_at_once(monkeypatch):
    waveform = np.random.default_rng(1).normal(size=5_000).astype(np.float32)
    at_once = [loudest_start(waveform, size, 7) for size in (1, 100, 999, 4_999)]
    monkeypatch.setattr("cargan_tf.audio.clips._SUMMED_SAMPLES", 97)
    assert [loudest_start(waveform, size, 7) for size in (1, 100, 999, 4_999)] == at_once


MUSIC_RATE = 44_100


def times(seconds):
    return np.arange(round(seconds * MUSIC_RATE)) / MUSIC_RATE


@pytest.mark.parametrize(
    "unheard",
    [
        pytest.param(0.9 * np.sin(2 * np.pi * 8 * times(1)), id="a thump of 8 Hz"),
        pytest.param(0.9 * np.sin(2 * np.pi * 3 * times(1)), id="infrasound"),
        pytest.param(0.5 * np.hanning(MUSIC_RATE), id="an offset that comes and goes"),
        pytest.param(
            0.9 * np.sin(2 * np.pi * 20_500 * times(1)) * np.hanning(MUSIC_RATE), id="20 kHz"
        ),
    ],
)
def test_what_is_not_heard_does_not_win_over_the_music(unheard):
    waveform = np.zeros(6 * MUSIC_RATE, np.float32)
    waveform[MUSIC_RATE : 2 * MUSIC_RATE] = unheard
    waveform[4 * MUSIC_RATE : 5 * MUSIC_RATE] = 0.05 * np.sin(2 * np.pi * 440 * times(1))
    by_energy = loudest_start(waveform, 22_050, 441)
    heard = loudest_start(waveform, 22_050, 441, MUSIC_RATE)
    assert by_energy < 2 * MUSIC_RATE
    assert 4 * MUSIC_RATE - 441 <= heard <= 4.5 * MUSIC_RATE + 441


@pytest.mark.parametrize("pitch", [27.5, 41.2, 98, 440, 4_186, 12_000])
def test_of_two_notes_of_one_pitch_the_one_with_more_energy_is_taken(pitch):
    """From the lowest note of a piano to a harmonic of its highest."""
    waveform = np.zeros(6 * MUSIC_RATE, np.float32)
    waveform[MUSIC_RATE : 2 * MUSIC_RATE] = 0.1 * np.sin(2 * np.pi * pitch * times(1))
    waveform[4 * MUSIC_RATE : 5 * MUSIC_RATE] = 0.2 * np.sin(2 * np.pi * pitch * times(1))
    expected = loudest_start(waveform, 22_050, 441)
    assert expected > 3 * MUSIC_RATE
    assert loudest_start(waveform, 22_050, 441, MUSIC_RATE) == expected


def test_the_weighting_is_that_of_bs_1770_at_48_khz():
    """Its published coefficients, tables 1 and 2 of annex 1."""
    sections = loudness_filter(48_000)
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    assert any(np.allclose(section, high_pass, atol=1e-9) for section in sections)
    assert any(np.allclose(section, shelf, atol=1e-9) for section in sections)


@pytest.mark.parametrize("rate", [4_000, 16_000, 44_100, 96_000])
def test_the_weighting_at_other_rates_hears_the_middle_and_not_what_is_below(rate):
    _, response = sosfreqz(loudness_filter(rate), [8, 440], fs=rate)
    low, middle = 20 * np.log10(np.abs(response))
    assert low < -50
    assert abs(middle) < 1


@pytest.mark.parametrize(("offset", "left"), [(0.5, 0.0), (-0.2, 0.0), (0.01, 0.01), (0.0, 0.0)])
def test_an_offset_is_taken_out_where_it_counts(offset, left):
    note = 0.1 * np.sin(2 * np.pi * 440 * times(1))
    cleaned = without_offset((note + offset).astype(np.float32))
    np.testing.assert_allclose(cleaned, note + left, atol=1e-6)


def test_silence_with_an_offset_is_silence():
    assert not without_offset(np.full(1_000, 0.25, np.float32)).any()
    assert without_offset(np.zeros(0, np.float32)).size == 0


def test_a_few_samples_have_no_offset():
    click = np.array([0.25, 0.5], np.float32)
    np.testing.assert_array_equal(without_offset(click), click)
