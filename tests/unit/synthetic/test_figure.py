from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from helpers.data_sample import LOOK, NOTHING, SKIN, STILL
from PIL import Image

from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING, Canvas, View
from cargan_tf.synthetic.figure import HAIR_STYLES, LEAN, RISE, Pose, body_in
from cargan_tf.synthetic.figure_shapes import EYES, draw_body, draw_left_arm, draw_right_arm
from cargan_tf.synthetic.scene import SCENES

EXTREMES = [Pose(pitch, loudness) for pitch in (0, 1) for loudness in (0, 1)]


def empty(view=None):
    return Canvas(Image.new("RGB", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), NOTHING), view)


def generated(look=LOOK, pose=STILL, knees=26.0, standing=False, body=None):
    # Who stands is drawn smaller, as with the double bass.
    canvas = empty(View(SCENES["double_bass"].magnification if standing else 1.0))
    draw_body(canvas, look, body or body_in(pose, standing=standing), pose, knees)
    return np.asarray(canvas.image())


def rows_and_columns(pixels):
    return np.argwhere((pixels != NOTHING).any(-1)) / SUPERSAMPLING


def test_louder_playing_leans_the_head():
    soft, loud = (body_in(Pose(0.5, loudness)).head for loudness in (0, 1))
    assert (loud[0] - soft[0], loud[1] - soft[1]) == (LEAN, 0)


def test_higher_notes_raise_the_head():
    low, high = (body_in(Pose(pitch, 0.5)).head for pitch in (0, 1))
    assert (high[0] - low[0], low[1] - high[1]) == (0, RISE)


def test_hips_stay_where_the_player_sits():
    assert {body_in(Pose(pitch, 0.5)).hips for pitch in (0, 0.5, 1)} == {(128.0, 170.0)}


@pytest.mark.parametrize("pose", EXTREMES)
@pytest.mark.parametrize("standing", [False, True])
def test_the_parts_are_in_order(pose, standing):
    body = body_in(pose, standing=standing)
    assert body.head[1] < body.mouth[1] < body.left_shoulder[1] < body.hips[1]
    assert body.left_shoulder[0] < body.head[0] < body.right_shoulder[0]


def test_the_whole_body_moves_with_its_place():
    left, right = (rows_and_columns(generated(body=body_in(STILL, middle))) for middle in (98, 148))
    np.testing.assert_allclose(right - left, np.broadcast_to((0, 50), left.shape))


@pytest.mark.parametrize("pose", EXTREMES)
@pytest.mark.parametrize("standing", [False, True])
def test_the_player_is_within_the_image_and_stands_on_the_floor(pose, standing):
    positions = rows_and_columns(generated(pose=pose, standing=standing))
    assert positions.min() > 0
    assert positions[:, 1].max() < SIDE - 1
    assert 240 < positions[:, 0].max() < SIDE - 1


def test_who_stands_is_taller():
    assert body_in(STILL, standing=True).head[1] < body_in(STILL).head[1] - 20


def test_knees_are_as_far_apart_as_asked():
    legs = [
        np.ptp(np.argwhere((generated(knees=knees) == LOOK.trousers).all(-1))[:, 1])
        for knees in (26, 44)
    ]
    assert (legs[1] - legs[0]) / SUPERSAMPLING == pytest.approx(36, abs=1)


def test_a_turned_head_has_eyes_and_mouth_on_the_side_it_faces():
    eyes = [
        np.argwhere((generated(body=body_in(STILL, facing=facing)) == EYES).all(-1))[:, 1].mean()
        for facing in (-1, 0, 1)
    ]
    assert eyes[0] < eyes[1] - 4 * SUPERSAMPLING < eyes[2] - 8 * SUPERSAMPLING
    mouths = [body_in(STILL, facing=facing).mouth[0] for facing in (-1, 0, 1)]
    assert mouths[0] < mouths[1] == body_in(STILL).head[0] < mouths[2]


def test_lips_at_a_mouthpiece_are_round_and_others_smile():
    smiling, blowing = empty(), empty()
    for canvas, blows in ((smiling, False), (blowing, True)):
        draw_body(canvas, LOOK, body_in(STILL), STILL, blows=blows)
    changed = np.argwhere((np.asarray(smiling.image()) != np.asarray(blowing.image())).any(-1))
    assert len(changed) > 100
    assert np.abs(changed / SUPERSAMPLING - body_in(STILL).mouth[::-1]).max() < 8


@pytest.mark.parametrize(("one", "other"), itertools.combinations(HAIR_STYLES, 2))
def test_hair_styles_are_told_apart(one, other):
    images = [generated(replace(LOOK, hair_style=style)) for style in (one, other)]
    assert (images[0] != images[1]).any(-1).sum() > 200


def test_glasses_are_seen():
    without, with_them = (generated(replace(LOOK, glasses=glasses)) for glasses in (False, True))
    assert (without != with_them).any(-1).sum() > 50


@pytest.mark.parametrize("part", ["shirt", "trousers", "skin", "hair"])
def test_parts_have_the_colours_of_the_look(part):
    color = (1, 254, 253)
    assert not (generated() == color).all(-1).any()
    assert (generated(replace(LOOK, **{part: color})) == color).all(-1).sum() > 100


def test_loud_playing_raises_the_brows():
    body = body_in(STILL)
    soft, loud = (generated(pose=Pose(0.5, loudness), body=body) for loudness in (0, 1))
    changed = np.argwhere((soft != loud).any(-1)) / SUPERSAMPLING
    assert len(changed)
    assert np.abs(changed - body.head[::-1]).max() < 20


@pytest.mark.parametrize("arm", [draw_left_arm, draw_right_arm])
@pytest.mark.parametrize("hand", [(60.0, 90.0), (128.0, 130.0), (200.0, 180.0)])
def test_either_arm_reaches_from_its_shoulder_to_the_hand(arm, hand):
    canvas, body = empty(), body_in(STILL)
    arm(canvas, LOOK, body, hand)
    pixels = np.asarray(canvas.image())
    shoulder = body.left_shoulder if arm is draw_left_arm else body.right_shoulder
    at = [
        tuple(pixels[round(y * SUPERSAMPLING), round(x * SUPERSAMPLING)])
        for x, y in (hand, shoulder)
    ]
    assert at[0] == SKIN
    assert at[1] != NOTHING
