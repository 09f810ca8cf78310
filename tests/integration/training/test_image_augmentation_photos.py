import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.training.image_augmentation import augment_photos


def test_photos_are_strewn_each_in_its_own_way_and_the_seed_s():
    photos = tf.zeros([2, 32, 32, 3]) + 0.5
    made, again, other = (
        augment_photos(photos, 0.4, tf.constant([0, step])).numpy() for step in (1, 1, 2)
    )
    assert made.shape == (2, 32, 32, 3)
    assert np.abs(made).max() <= 1
    np.testing.assert_array_equal(made, again)
    assert np.abs(made - other).mean() > 0.05
    stds, tints = made.std(axis=(1, 2, 3)), made.mean(axis=(1, 2))
    assert stds[0] != pytest.approx(stds[1], rel=0.01)
    assert tints[0] != pytest.approx(tints[1], abs=0.01)


def test_without_noise_a_plain_photo_stays_plain():
    plain = augment_photos(tf.zeros([3, 32, 32, 3]) + 0.5, 0.0, tf.constant([0, 0])).numpy()
    assert plain.std(axis=(1, 2)) == pytest.approx(0, abs=1e-4)


def test_a_shift_is_of_some_pixels():
    image = np.zeros((1, 32, 32, 3), np.float32)
    image[:, 16, 16] = 1
    moved = [
        augment_photos(tf.constant(image), 0.0, tf.constant([0, step])).numpy()[0, ..., 0]
        for step in range(20)
    ]
    positions = np.array([np.unravel_index(one.argmax(), one.shape) for one in moved])
    assert len(set(map(tuple, positions))) > 5
    assert np.abs(positions - 16).max() <= 3  # two pixels, and one of the blur
