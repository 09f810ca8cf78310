from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.canvas import View
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.figure_shapes import EYES
from cargan_tf.synthetic.scene import SCENES, background, draw_player

#: Mean difference over all pixels and channels, of 255, in images of 64×64. Moving the whole
#: player sideways by one such pixel makes 5.1 (oboe) to 9.5 (double bass).
VISIBLE = 3.5


@pytest.fixture(scope="module")
def stages():
    return {
        label: [(look, background(look, 64)) for look in player_looks(label, 0)]
        for label in SUB_URMP_LABELS
    }


def seen(label, stage, pitch=0.5, loudness=0.5):
    look, empty = stage
    image = draw_player(label, look, Pose(pitch, loudness), empty)
    return np.asarray(image, dtype=float)


def difference(one, other):
    return np.abs(one - other).mean()


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_the_pose_follows_pitch_and_loudness(stages, label):
    stage = stages[label][0]
    assert difference(seen(label, stage, pitch=0), seen(label, stage, pitch=1)) > VISIBLE
    assert difference(seen(label, stage, loudness=0), seen(label, stage, loudness=1)) > VISIBLE


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_the_pose_changes_smoothly(stages, label):
    stage = stages[label][1]
    whole = difference(seen(label, stage, pitch=0), seen(label, stage, pitch=1))
    step = difference(seen(label, stage, pitch=0.5), seen(label, stage, pitch=0.53))
    assert step < 0.5 * whole


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_players_differ_clearly(stages, label):
    images = [seen(label, stage) for stage in stages[label]]
    assert len(images) == 6
    for one, other in itertools.combinations(images, 2):
        assert difference(one, other) > 2 * VISIBLE


def test_instruments_are_drawn_differently(stages):
    stage = stages["violin"][0]
    images = [seen(label, stage) for label in SUB_URMP_LABELS]
    for number, one in enumerate(images):
        for other in images[number + 1 :]:
            assert difference(one, other) > 2.0  # clarinet and oboe: 2.5, by size and bell


@pytest.mark.parametrize("side", [128, 256, 512])
def test_an_image_is_rgb_of_the_side_of_its_stage(stages, side):
    look, _ = stages["tuba"][0]
    image = draw_player("tuba", look, Pose(0.2, 0.9), background(look, side))
    assert (image.mode, image.size) == ("RGB", (side, side))


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_a_larger_image_shows_the_same(stages, label):
    look, _ = stages[label][0]
    pose = Pose(0.3, 0.7)
    large = draw_player(label, look, pose, background(look, 512)).reduce(2)
    small = draw_player(label, look, pose, background(look))
    assert difference(np.asarray(large, float), np.asarray(small, float)) < 1.0


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_eyes_are_never_covered(stages, label):
    """In every pose both eyes are seen, whatever the player holds."""
    look = replace(stages[label][0][0], glasses=False, hair_style="short", skin=(250, 216, 190))
    empty = background(look)
    for pitch, loudness in itertools.product((0, 0.5, 1), repeat=2):
        image = draw_player(label, look, Pose(pitch, loudness), empty)
        scene = SCENES[label]
        body = scene.body(Pose(pitch, loudness))
        scale = scene.magnification * look.magnification
        for side in (-1, 1):
            eye = (
                body.head[0] + 6.5 * body.facing + side * (6.3 - 0.6 * abs(body.facing)),
                body.head[1],
            )
            x, y = (
                (place - center) * scale + center + moved
                for place, center, moved in zip(eye, View().center, look.shift, strict=True)
            )
            seen = np.array(image.getpixel((int(x), int(y))), float)
            assert np.linalg.norm(seen - EYES) < 60
