"""Sums over batches against numpy over everything at once."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from cargan_tf.audio.normalization import MIN_STD_DB, MIN_STD_UNIT, BandStatistics, BandSums
from cargan_tf.errors import UserError


def batches(seed=0):
    """Batches of unequal sizes, [B, 5, frames], each band with its own level and spread."""
    rng = np.random.default_rng(seed)
    level = np.array([-90.0, -60.0, -30.0, 0.0, 20.0])[:, None]
    std = np.array([2.0, 5.0, 10.0, 20.0, 1.5])[:, None]
    return [
        (level + 10 * rng.normal() + std * rng.normal(size=(size, 5, frames))).astype(np.float32)
        for size, frames in [(7, 44), (1, 44), (64, 44), (3, 22), (16, 1)]
    ]


def assert_matches(statistics, parts):
    together = np.concatenate([p.transpose(1, 0, 2).reshape(5, -1) for p in parts], axis=1)
    together = together.astype(np.float64)
    np.testing.assert_allclose(statistics.mean, together.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, together.std(axis=1), rtol=1e-12)


def sums_of(parts):
    sums = BandSums(5)
    for part in parts:
        sums.add(part)
    return sums


def test_batch_by_batch():
    assert_matches(sums_of(batches()).statistics(), batches())


def test_merged_in_any_grouping_and_after_pickling():
    parts = batches()
    left, right = sums_of(parts[:2]), pickle.loads(pickle.dumps(sums_of(parts[2:])))
    before = left.statistics()
    assert_matches((left + right).statistics(), parts)
    assert_matches((right + left + BandSums(5)).statistics(), parts)
    assert left.statistics() == before
    assert (left + right).count == left.count + right.count


def test_a_merged_object_does_not_share_with_its_parts():
    parts = batches()
    left = sums_of(parts[:1])
    merged = left + BandSums(5)
    merged.add(parts[1])
    assert left.statistics() == sums_of(parts[:1]).statistics()


def test_precision_far_from_zero():
    """A naive sum of squares loses the spread here altogether."""
    values = 1e9 + 2 * np.random.default_rng(0).normal(size=(100, 1, 10))
    sums = BandSums(1)
    for value in values:
        sums.add(value[None])
    np.testing.assert_allclose(sums.statistics().std, values.std(), rtol=1e-6)


def test_a_band_that_never_varies_gets_the_least_spread():
    sums = BandSums(2)
    sums.add(np.stack([np.full(44, -100.0), np.linspace(-80, 0, 44)])[None])
    statistics = sums.statistics()
    assert statistics.mean[0] == -100.0
    assert statistics.std[0] == MIN_STD_DB < statistics.std[1]


def test_refused_batches():
    sums = BandSums(5)
    with pytest.raises(ValueError, match=r"\[B, 5, frames\]"):
        sums.add(np.zeros((2, 4, 10)))
    with pytest.raises(ValueError, match="finite"):
        sums.add(np.full((2, 5, 10), np.nan))
    with pytest.raises(ValueError, match="5 and 4"):
        sums + BandSums(4)
    with pytest.raises(TypeError):
        sums + 1
    sums.add(np.zeros((0, 5, 10)))
    with pytest.raises(UserError, match="no clip"):
        sums.statistics()
    with pytest.raises(ValueError, match="n_mels"):
        BandSums(0)


def test_json_keeps_every_digit():
    statistics = sums_of(batches()).statistics()
    assert BandStatistics.from_json(json.loads(json.dumps(statistics.to_json()))) == statistics


@pytest.mark.parametrize(
    "value",
    [{}, {"mean": [1]}, {"mean": 1, "std": 2}, {"mean": ["x"], "std": [1]}, [1, 2], None],
)
def test_json_that_is_something_else(value):
    with pytest.raises(UserError, match="cannot be read"):
        BandStatistics.from_json(value)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((), ()),
        ((1.0,), (1.0, 2.0)),
        ((1.0,), (0.0,)),
        ((1.0,), (-1.0,)),
        ((float("nan"),), (1.0,)),
        ((1.0,), (float("inf"),)),
    ],
)
def test_invalid_statistics(mean, std):
    with pytest.raises(UserError, match="band statistics hold"):
        BandStatistics(mean, std)


def test_the_least_spread_follows_the_unit():
    sums = BandSums(2)
    sums.add(np.full((3, 2, 4), 0.25))
    assert sums.statistics().std == (MIN_STD_DB, MIN_STD_DB)
    assert sums.statistics(MIN_STD_UNIT).std == (MIN_STD_UNIT, MIN_STD_UNIT)


def test_sums_survive_json_without_loss_and_do_not_depend_on_batches():
    values = np.random.default_rng(0).normal(-40, 9, (7, 5, 11))
    at_once, apart = BandSums(5), BandSums(5)
    at_once.add(values)
    for clip in values:
        apart.add(clip[None])
    assert at_once.to_json() == apart.to_json()
    again = BandSums.from_json(json.loads(json.dumps(at_once.to_json())))
    assert again.to_json() == at_once.to_json()
    assert again.statistics(0.1) == at_once.statistics(0.1)
