from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING
from cargan_tf.synthetic.figure import LIGHTS, STAGE_KINDS, STAGES, Stage, player_looks
from cargan_tf.synthetic.scene import FLOOR_Y, background

LOOK = player_looks("violin", 0)[0]
WALL = np.s_[: round(FLOOR_Y) * SUPERSAMPLING]
FLOOR = np.s_[round(FLOOR_Y) * SUPERSAMPLING + 1 :]


def pixels(**changes):
    return np.asarray(background(replace(LOOK, **changes)), dtype=float)


@pytest.mark.parametrize("side", [128, 256, 512])
def test_it_is_rgb_and_finer_than_the_image(side):
    stage = background(LOOK, side)
    assert (stage.mode, stage.size) == ("RGB", (side * SUPERSAMPLING, side * SUPERSAMPLING))


def test_it_has_256_pixels_unless_asked():
    assert background(LOOK).width == 256 * SUPERSAMPLING == SIDE * SUPERSAMPLING


def test_a_look_always_has_the_same_stage():
    np.testing.assert_array_equal(pixels(), pixels())


@pytest.mark.parametrize("stage", STAGES)
def test_wall_and_floor_have_the_colors_of_the_stage(stage):
    made = pixels(stage=stage)
    for part, color in ((WALL, stage.wall), (FLOOR, stage.floor)):
        seen = np.median(made[part].reshape(-1, 3), axis=0)
        assert np.linalg.norm(seen - color) < 60  # under the lamp, with a lighter disk
        assert np.argsort(seen)[-1] in np.flatnonzero(np.array(color) >= max(color) - 12)


def test_kinds_of_stages_differ_with_the_same_colors():
    made = [pixels(stage=Stage(kind, (90, 120, 160), (80, 70, 60))) for kind in STAGE_KINDS]
    assert len(made) == 3
    for number, one in enumerate(made):
        for other in made[number + 1 :]:
            assert (np.abs(one - other)[WALL].max(-1) > 5).mean() > 0.2


def test_there_is_no_busy_texture():
    """Nearly all of a stage are even areas: few of its pixels lie at an edge."""
    for stage in STAGES:
        made = np.asarray(background(replace(LOOK, stage=stage)).reduce(SUPERSAMPLING), float)
        edges = np.abs(np.diff(made, axis=1)).max(-1) > 6
        assert edges.mean() < 0.12


@pytest.mark.parametrize("light", LIGHTS)
def test_the_wall_is_brightest_under_the_lamp(light):
    plain = Stage("studio", (120, 120, 120), (90, 90, 90))
    across = pixels(stage=plain, light=light)[2].mean(-1)  # above the disk
    assert (across.argmax() + 0.5) / len(across) == pytest.approx(light, abs=0.08)
    assert across.max() > 1.05 * across.min()
