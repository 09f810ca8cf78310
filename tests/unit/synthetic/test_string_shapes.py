from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.data_sample import LOOK, SKIN, STILL, instrument_alone, positions, share_in_image

from cargan_tf.synthetic.figure import Pose

STRINGS = ("violin", "viola", "cello", "double_bass")


@pytest.mark.parametrize("label", STRINGS)
@pytest.mark.parametrize("pitch", [0, 1])
@pytest.mark.parametrize("loudness", [0, 1])
def test_nearly_all_of_it_is_in_the_image(label, pitch, loudness):
    # the cello's spike and the viola's scroll may be cut off
    assert share_in_image(label, Pose(pitch, loudness)) > 0.92


def test_from_violin_to_double_bass_they_grow():
    sizes = [len(positions(instrument_alone(label, STILL))) for label in STRINGS]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("label", ["violin", "viola"])
def test_louder_playing_lifts_the_instrument_on_the_shoulder(label):
    soft, loud = (positions(instrument_alone(label, Pose(0.5, value))) for value in (0, 1))
    assert loud[:, 1].mean() < soft[:, 1].mean() - 15


@pytest.mark.parametrize("label", ["cello", "double_bass"])
def test_louder_playing_tilts_the_instrument_on_its_spike(label):
    soft, loud = (positions(instrument_alone(label, Pose(0.5, value))) for value in (0, 1))
    assert loud[:, 0].mean() > soft[:, 0].mean() + 8
    assert loud[:, 1].max() == pytest.approx(soft[:, 1].max(), abs=3)


@pytest.mark.parametrize("label", ["violin", "viola"])
def test_high_notes_bring_the_hand_nearer_to_the_chin(label):
    low, middle, high = (
        positions(instrument_alone(label, Pose(pitch, 0.5)), SKIN)[:, 0].max()
        for pitch in (0, 0.5, 1)
    )
    assert high < middle - 8 < low - 16


@pytest.mark.parametrize("label", ["cello", "double_bass"])
def test_high_notes_bring_the_hand_down_the_neck(label):
    low, middle, high = (
        positions(instrument_alone(label, Pose(pitch, 0.5)), SKIN)[:, 1].min()
        for pitch in (0, 0.5, 1)
    )
    assert low < middle - 15 < high - 30


@pytest.mark.parametrize("label", STRINGS)
def test_the_wood_is_darker_or_lighter_by_player(label):
    dark, light = (
        instrument_alone(label, STILL, replace(LOOK, tint=tint)).astype(float)
        for tint in (-0.8, 0.8)
    )
    assert np.all(dark.sum(-1) <= light.sum(-1))
    assert dark.mean() < light.mean()
