from __future__ import annotations

import numpy as np
import pytest

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.scene import background, draw_player

#: Mean difference over all pixels and channels, of 255, in images of 64×64. Moving the whole
#: player sideways by one such pixel makes 3.6 (flute) to 8.8 (tuba).
VISIBLE = 3.5


@pytest.fixture(scope="module")
def stages():
    return {
        label: [(look, background(look)) for look in player_looks(label, 0)]
        for label in SUB_URMP_LABELS
    }


def seen(label, stage, pitch=0.5, loudness=0.5):
    look, empty = stage
    image = draw_player(label, look, Pose(pitch, loudness), empty)
    return np.asarray(image.reduce(4), dtype=float)


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
    first, second, third = (seen(label, stage) for stage in stages[label])
    assert min(difference(first, second), difference(second, third)) > 2 * VISIBLE


def test_instruments_are_drawn_differently(stages):
    stage = stages["violin"][0]
    images = [seen(label, stage) for label in SUB_URMP_LABELS]
    for number, one in enumerate(images):
        for other in images[number + 1 :]:
            assert difference(one, other) > 2.0  # clarinet and oboe: 2.5, by size and bell


def test_a_picture_is_rgb_of_256_pixels(stages):
    look, empty = stages["tuba"][0]
    image = draw_player("tuba", look, Pose(0.2, 0.9), empty)
    assert (image.mode, image.size) == ("RGB", (256, 256))
