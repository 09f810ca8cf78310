import math

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.pose import true_pose
from cargan_tf.training.losses import (
    classification_loss,
    double_softmax_loss,
    feature_matching_loss,
    gan_fake_loss,
    gan_real_loss,
    hinge_fake_loss,
    hinge_generator_loss,
    hinge_real_loss,
    l1_loss,
    l2_loss,
    perceptual_loss,
    pose_loss,
)


def test_classification_loss_is_the_cross_entropy_of_each_image():
    logits = [[0.0, 0.0], [math.log(3), 0.0]]
    loss = classification_loss(tf.constant(logits), tf.constant([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(loss, [math.log(2), math.log(4)], rtol=1e-6)


def test_l1_loss_is_the_mean_distance_of_each_image():
    photo = np.zeros((2, 2, 2, 3), np.float32)
    image = photo.copy()
    image[0, 0, 0] = [1, -1, 1]
    image[1] = -0.5
    np.testing.assert_allclose(l1_loss(photo, image), [3 / 12, 0.5], rtol=1e-6)


@pytest.mark.parametrize("logit", [-2.0, 0.0, 3.0])
def test_discriminated_losses_are_the_logarithms_of_the_probability(logit):
    logits = tf.fill([2, 3, 3, 1], logit)
    real = 1 / (1 + math.exp(-logit))
    np.testing.assert_allclose(gan_real_loss(logits), [-math.log(real)] * 2, rtol=1e-5)
    np.testing.assert_allclose(gan_fake_loss(logits), [-math.log(1 - real)] * 2, rtol=1e-5)


def test_discriminated_losses_are_means_over_the_patches():
    logits = tf.constant([[[[0.0], [0.0]], [[0.0], [math.log(3)]]]])
    expected = (3 * math.log(2) + math.log(4 / 3)) / 4
    np.testing.assert_allclose(gan_real_loss(logits), [expected], rtol=1e-6)


def test_extreme_logits_stay_finite():
    logits = tf.constant([[[[1e4]]], [[[-1e4]]]])
    np.testing.assert_allclose(gan_real_loss(logits), [0, 1e4])
    np.testing.assert_allclose(gan_fake_loss(logits), [1e4, 0])


def test_double_softmax_keeps_the_loss_between_two_bounds():
    """With 13 labels 1.689 where C is sure and right, 2.689 where it is sure and wrong."""
    logits, label = tf.one_hot([0, 1], 13) * 1e3, tf.one_hot([0, 0], 13)
    np.testing.assert_allclose(double_softmax_loss(logits, label), [1.689, 2.689], atol=1e-3)


def test_the_hinge_is_flat_beyond_its_margin_for_d_and_never_for_g():
    logits = tf.constant([[[[-3.0], [0.5]]], [[[2.0], [-0.5]]]])
    np.testing.assert_allclose(hinge_real_loss(logits), [(4 + 0.5) / 2, (0 + 1.5) / 2])
    np.testing.assert_allclose(hinge_fake_loss(logits), [(0 + 1.5) / 2, (3 + 0.5) / 2])
    np.testing.assert_allclose(hinge_generator_loss(logits), [1.25, -0.75])


def test_features_are_compared_block_by_block():
    random = np.random.default_rng(0)
    generated, real = (
        [random.normal(size=(2, s, s, c)) for s, c in ((4, 3), (2, 5))] for _ in "dr"
    )
    distances = [np.abs(a - b).mean((1, 2, 3)) for a, b in zip(generated, real, strict=True)]
    np.testing.assert_allclose(feature_matching_loss(generated, real), distances[0] + distances[1])
    fractions = [d / np.abs(r).mean((1, 2, 3)) for d, r in zip(distances, real, strict=True)]
    np.testing.assert_allclose(
        perceptual_loss(generated, real), np.mean(fractions, axis=0), rtol=1e-5
    )
    louder = [[10 * maps[0], maps[1]] for maps in (generated, real)]
    np.testing.assert_allclose(perceptual_loss(*louder), np.mean(fractions, axis=0), rtol=1e-5)


def test_a_feature_that_no_image_has_divides_nothing_by_nothing():
    assert np.all(perceptual_loss([tf.zeros([2, 3, 3, 1])], [tf.zeros([2, 3, 3, 1])]) == 0)


def test_l2_follows_what_little_is_known_where_l1_does_not():
    """A limb is at one position in 3 of 10 images: L2's optimum shows it at .3, L1's not at all."""
    photos = tf.constant([1.0] * 3 + [0.0] * 7)[:, None, None, None]
    shown = tf.range(0.0, 1.01, 0.1)
    best = {}
    for loss in (l1_loss, l2_loss):
        images = [tf.fill([10, 1, 1, 1], value) for value in shown]
        values = [float(tf.reduce_mean(loss(photos, image))) for image in images]
        best[loss] = round(float(shown[np.argmin(values)]), 1)
    assert best == {l1_loss: 0.0, l2_loss: 0.3}


def test_l2_is_the_mean_square_of_each_image():
    photo, image = tf.zeros([2, 2, 2, 3]), tf.stack([tf.ones([2, 2, 3]), tf.zeros([2, 2, 3])])
    np.testing.assert_allclose(l2_loss(photo, image * 2), [4.0, 0.0])


def test_the_pose_loss_is_the_squared_error_of_what_is_known():
    read = tf.constant([[1.0, 0.0], [0.5, -1.0]])
    truth = true_pose(tf.constant([72.0, np.nan]), tf.constant([-20.0, -44.0]))
    with tf.GradientTape() as tape:
        tape.watch(read)
        loss = pose_loss(read, truth)
    np.testing.assert_allclose(loss, [0.0, 0.5], atol=1e-6)  # ((-1 + 2) ** 2) / 2
    np.testing.assert_allclose(tape.gradient(loss, read), [[0, 0], [0, 1.0]], atol=1e-6)
