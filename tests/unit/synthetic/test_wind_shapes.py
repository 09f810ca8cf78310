from __future__ import annotations

import numpy as np
import pytest
from helpers.data_sample import LOOK, SKIN, STILL, instrument_alone, positions, share_in_image

from cargan_tf.synthetic.figure import Pose, body_in
from cargan_tf.synthetic.scene import SCENES
from cargan_tf.synthetic.wind_shapes import polished

WINDS = ("bassoon", "clarinet", "flute", "oboe", "sax")


@pytest.mark.parametrize("label", WINDS)
@pytest.mark.parametrize("pitch", [0, 1])
@pytest.mark.parametrize("loudness", [0, 1])
def test_nearly_all_of_it_is_in_the_image(label, pitch, loudness):
    assert share_in_image(label, Pose(pitch, loudness)) > 0.99


def test_louder_playing_lifts_the_flute():
    soft, loud = (positions(instrument_alone("flute", Pose(0.5, value))) for value in (0, 1))
    assert loud[:, 1].min() < soft[:, 1].min() - 20


@pytest.mark.parametrize(("label", "direction"), [("clarinet", 1), ("oboe", -1), ("sax", -1)])
def test_louder_playing_swings_what_hangs_from_the_mouth(label, direction):
    soft, middle, loud = (
        direction * positions(instrument_alone(label, Pose(0.5, value)))[:, 0].mean()
        for value in (0, 0.5, 1)
    )
    assert soft + 5 < middle < loud - 5


def test_louder_playing_sets_the_bassoon_upright():
    soft, loud = (positions(instrument_alone("bassoon", Pose(0.5, value))) for value in (0, 1))
    assert np.ptp(loud[:, 0]) < np.ptp(soft[:, 0]) - 20
    assert np.ptp(loud[:, 1]) > np.ptp(soft[:, 1]) + 15


@pytest.mark.parametrize("label", WINDS)
def test_high_notes_bring_the_hands_nearer_to_the_mouth(label):
    mouth = SCENES[label].body(STILL).mouth
    low, middle, high = (
        np.linalg.norm(
            positions(instrument_alone(label, Pose(pitch, 0.5)), SKIN) - mouth, axis=1
        ).max()
        for pitch in (0, 0.5, 1)
    )
    assert high < middle - 5 < low - 10


def test_the_bassoon_reaches_from_below_the_hips_past_the_head():
    body = body_in(STILL)
    heights = positions(instrument_alone("bassoon", STILL))[:, 1]
    assert heights.min() < body.head[1] - 25
    assert heights.max() > body.hips[1] + 20


def angle(label, loudness):
    """From the mouth to the far end of the instrument; 0 is down, 90 to the viewer's left."""
    x, y = SCENES[label].body(STILL).mouth
    seen = positions(instrument_alone(label, Pose(0.5, loudness)))
    end = seen[np.argmax(np.hypot(*(seen - (x, y)).T))]
    return np.degrees(np.arctan2(x - end[0], end[1] - y))


@pytest.mark.parametrize("loudness", [0, 0.5, 1])
def test_the_clarinet_hangs_and_the_oboe_is_held_out(loudness):
    assert abs(angle("clarinet", loudness)) < 35
    assert angle("oboe", loudness) > 30


def test_the_clarinet_is_larger_than_the_oboe():
    clarinet, oboe = (
        len(positions(instrument_alone(label, STILL))) for label in ("clarinet", "oboe")
    )
    assert clarinet > 1.1 * oboe


@pytest.mark.parametrize("label", WINDS)
def test_only_the_saxophone_is_of_the_players_brass(label):
    golden = len(positions(instrument_alone(label, STILL), polished(LOOK)))
    assert (golden > 500) == (label == "sax")
