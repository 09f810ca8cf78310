from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.data_sample import LOOK, SKIN, STILL, instrument_alone, positions, share_in_image

from cargan_tf.synthetic.figure import Pose, body_in
from cargan_tf.synthetic.wind_shapes import polished

BRASS = ("horn", "trombone", "trumpet", "tuba")


@pytest.mark.parametrize("label", BRASS)
@pytest.mark.parametrize("pitch", [0, 1])
@pytest.mark.parametrize("loudness", [0, 1])
def test_nearly_all_of_it_is_in_the_image(label, pitch, loudness):
    assert share_in_image(label, Pose(pitch, loudness)) > 0.98


@pytest.mark.parametrize("label", ["trombone", "trumpet"])
def test_louder_playing_lifts_the_bell(label):
    soft, loud = (positions(instrument_alone(label, Pose(0.5, value))) for value in (0, 1))
    assert loud[:, 1].min() < soft[:, 1].min() - 20


@pytest.mark.parametrize("label", ["horn", "tuba"])
def test_louder_playing_turns_what_lies_on_the_lap(label):
    soft, loud = (
        positions(instrument_alone(label, Pose(0.5, value)), polished(LOOK)) for value in (0, 1)
    )
    assert np.abs(loud.mean(0) - soft.mean(0)).max() > 5


@pytest.mark.parametrize("label", BRASS)
def test_pitch_moves_the_hands(label):
    low, high = (instrument_alone(label, Pose(value, 0.5)) for value in (0, 1))
    moved = np.abs(positions(high, SKIN).mean(0) - positions(low, SKIN).mean(0))
    assert moved.max() > 4


def test_the_slide_is_out_for_low_notes():
    ends = [
        positions(instrument_alone("trombone", Pose(pitch, 0.5)))[:, 0].min()
        for pitch in (0, 0.25, 0.5)
    ]
    assert ends[0] < ends[1] - 8 < ends[2] - 16


def test_the_tuba_opens_above_the_players_head():
    assert positions(instrument_alone("tuba", STILL))[:, 1].min() < body_in(STILL).head[1] - 25


def test_the_tuba_is_the_largest():
    sizes = {label: len(positions(instrument_alone(label, STILL))) for label in BRASS}
    assert max(sizes, key=sizes.get) == "tuba"


def test_the_brass_is_from_red_to_pale_by_player():
    red, gold, pale = (sum(polished(replace(LOOK, tint=tint))) for tint in (-0.8, 0, 0.8))
    assert red < gold < pale


@pytest.mark.parametrize("label", BRASS)
def test_the_instrument_shows_its_players_brass(label):
    dark, light = (replace(LOOK, tint=tint) for tint in (-0.8, 0.8))
    pixels = instrument_alone(label, STILL, light)
    assert len(positions(pixels, polished(light))) > 500
    assert not len(positions(pixels, polished(dark)))
