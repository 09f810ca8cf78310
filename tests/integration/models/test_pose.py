"""``model.pose``: what is read, and what is drawn by it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.pose import LOUDNESS_KNOTS, PITCH_KNOTS, _at_knots, true_pose

LABEL = tf.constant([[0.0, 1.0], [1.0, 0.0]])
SOUND = tf.random.stateless_uniform([2, 32, 32, 1], [1, 2], -1, 1)


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16"])
def cascade(request, tiny_config):
    """A cascade whose layers that depend on the pose are not zero, as after training."""
    texts = ["data.image_size=32", "model.players=2", "model.pose=true"]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    cascade = new_cascade(override(tiny_config, texts), 2)
    keras.config.set_dtype_policy(before)
    for generator in cascade.generators:
        for block in generator.up:
            kernel = block.by_pose.kernel
            kernel.assign(tf.random.stateless_normal(kernel.shape, [3, 4]))
    return cascade


def test_the_true_pose_is_in_octaves_and_units_of_12_db():
    pose = true_pose(tf.constant([60.0, 54.0, np.nan]), tf.constant([-20.0, -32.0, -14.0]))
    np.testing.assert_allclose(pose, [[0, 0], [-0.5, -1], [np.nan, 0.5]], atol=1e-6)


@pytest.mark.parametrize("knots", [PITCH_KNOTS, LOUDNESS_KNOTS])
def test_between_two_knots_a_value_is_shared_by_both(knots):
    values = tf.constant([[knots[3]], [0.75 * knots[3] + 0.25 * knots[4]]])
    shares = _at_knots(values, knots).numpy()
    expected = np.zeros_like(shares)
    expected[0, 3], expected[1, 3], expected[1, 4] = 1, 0.75, 0.25
    np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_beyond_the_knots_the_last_one_stands():
    shares = _at_knots(tf.constant([[-1e9], [1e9]]), PITCH_KNOTS).numpy()
    np.testing.assert_array_equal(shares.argmax(1), [0, len(PITCH_KNOTS) - 1])
    np.testing.assert_array_equal(shares.sum(1), [1, 1])


def test_both_stages_draw_the_given_pose(cascade):
    low, high = (
        cascade(SOUND, LABEL, pose=tf.constant([[pitch, 0.0]] * 2)) for pitch in (-1.0, 1.0)
    )
    assert np.abs(low.coarse - high.coarse).max() > 1e-3
    assert np.abs(low.refined - high.refined).max() > 1e-3
    np.testing.assert_array_equal(low.read_pose, high.read_pose)


def test_what_is_not_given_is_what_was_read(cascade):
    alone = cascade(SOUND, LABEL)
    read = alone.read_pose.numpy()
    known = np.stack([read[:, 0] + 1, np.float32([np.nan] * 2)], axis=1)
    given = cascade(SOUND, LABEL, pose=tf.constant(known))
    whole = np.stack([read[:, 0] + 1, read[:, 1]], axis=1)
    expected = cascade(SOUND, LABEL, pose=tf.constant(whole))
    np.testing.assert_array_equal(given.refined, expected.refined)
    same = cascade(SOUND, LABEL, pose=tf.fill([2, 2], np.nan))
    np.testing.assert_array_equal(same.refined, alone.refined)


def test_the_pose_is_read_from_the_sound(cascade):
    other = cascade(-SOUND, LABEL)
    assert np.abs(other.read_pose - cascade(SOUND, LABEL).read_pose).max() > 1e-4


def test_a_pose_that_is_not_learned_is_refused(tiny_config):
    with pytest.raises(UserError, match=r"loss\.pose must be more than 0"):
        override(tiny_config, ["model.pose=true", "loss.pose=0"])
