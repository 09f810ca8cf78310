from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING
from cargan_tf.synthetic.figure import player_looks
from cargan_tf.synthetic.scene import PAPER, background

LOOK = player_looks("violin", 0)[0]
#: Where neither the floor nor the music stand is.
CURTAIN = np.s_[: 140 * SUPERSAMPLING]


def pixels(**changes):
    return np.asarray(background(replace(LOOK, **changes)), dtype=float)


def test_it_is_rgb_and_as_fine_as_the_canvas():
    stage = background(LOOK)
    assert (stage.mode, stage.size) == ("RGB", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING))


def test_a_look_always_has_the_same_stage():
    np.testing.assert_array_equal(pixels(), pixels())


@pytest.mark.parametrize("player", player_looks("tuba", 1))
def test_every_players_curtain_is_blue(player):
    red, green, blue = np.asarray(background(player), dtype=float)[CURTAIN].mean((0, 1))
    assert blue > 1.5 * max(red, green)


@pytest.mark.parametrize(("hue", "channel"), [(0.0, 0), (1 / 3, 1), (2 / 3, 2)])
def test_the_curtain_has_the_hue_of_the_look(hue, channel):
    assert pixels(curtain_hue=hue)[CURTAIN].mean((0, 1)).argmax() == channel


def test_the_curtain_is_as_light_as_the_look_says():
    dark, light = pixels(curtain_value=0.6)[CURTAIN], pixels(curtain_value=0.88)[CURTAIN]
    assert light.mean() > 1.2 * dark.mean()


def test_the_folds_are_the_players_own():
    other = pixels(folds=tuple(phase + 1 for phase in LOOK.folds))
    assert np.abs(other - pixels())[CURTAIN].mean() > 5


def test_the_curtain_is_lit_from_above():
    light = pixels()[CURTAIN].mean((1, 2))
    assert np.all(np.diff(light.reshape(-1, 20).mean(1)) < 0)


def test_the_floor_does_not_depend_on_the_curtain():
    floor = np.s_[-5 * SUPERSAMPLING :]
    np.testing.assert_array_equal(pixels()[floor], pixels(curtain_value=0.6, curtain_hue=0)[floor])


@pytest.mark.parametrize("stand", [(214.0, 176.0), (230.0, 200.0)])
def test_the_music_is_where_the_look_puts_it(stand):
    paper = np.argwhere((pixels(stand=stand) == PAPER).all(-1)) / SUPERSAMPLING
    top, left = paper.min(0)
    assert left == pytest.approx(stand[0], abs=1)
    assert top == pytest.approx(stand[1] - 26, abs=1)
