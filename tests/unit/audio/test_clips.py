"""Cutting clips and finding the loudest."""

from __future__ import annotations

import numpy as np
import pytest

from cargan_tf.audio.clips import Clip, cut_clip, louder, loudest_start
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
