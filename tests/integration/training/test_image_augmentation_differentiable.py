import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.training.image_augmentation import _random_numbers, diff_augment

SIZE = 16
IMAGES = np.random.default_rng(0).uniform(-1, 1, (32, SIZE, SIZE, 3)).astype(np.float32)
KINDS = ("color", "translation", "cutout")
SEED = (0, 5)


def by_hand(images, kinds):
    """Image by image, in NumPy, from the same draws."""
    changed = []
    numbers = np.stack(_random_numbers(len(images), SEED), axis=1)
    for image, draw in zip(images, numbers, strict=True):
        if "color" in kinds:
            image = image + draw[0] - 0.5
            gray = image.mean(-1, keepdims=True)
            image = gray + 2 * draw[1] * (image - gray)
            image = image.mean() + (0.5 + draw[2]) * (image - image.mean())
        if "translation" in kinds:
            down, right = (int(5 * value) - 2 for value in draw[3:5])  # an eighth of 16 is 2
            wide = np.pad(image, [(2, 2), (2, 2), (0, 0)])
            image = wide[2 - down : 2 - down + SIZE, 2 - right : 2 - right + SIZE]
        if "cutout" in kinds:
            image = image.copy()
            rows, columns = (int(17 * value) for value in draw[5:7])
            image[max(0, rows - 4) : rows + 4, max(0, columns - 4) : columns + 4] = 0
        changed.append(image)
    return np.stack(changed)


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS[::-1]])
def test_each_image_is_changed_by_its_own_draws(kinds):
    found = diff_augment(tf.constant(IMAGES), kinds, SEED)
    np.testing.assert_allclose(found, by_hand(IMAGES, kinds), atol=1e-5)


def test_the_draws_reach_the_ends_of_their_ranges():
    white = diff_augment(tf.ones([300, SIZE, SIZE, 3]), ["translation"], SEED).numpy()[..., 0]
    rims = [np.flatnonzero(image.any(1)) for image in white]
    assert {(int(rim[0]), int(rim[-1])) for rim in rims} == {
        (0, 13),
        (0, 14),
        (0, 15),
        (1, 15),
        (2, 15),
    }
    holes = diff_augment(tf.ones([300, SIZE, SIZE, 3]), ["cutout"], SEED).numpy()[..., 0] == 0
    areas = holes.sum((1, 2))
    assert (areas.min(), areas.max()) == (16, 64)


def test_a_step_has_its_own_draws_and_repeats_them():
    first, again, other = (
        diff_augment(IMAGES, KINDS, seed).numpy() for seed in (SEED, SEED, (0, 6))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.5


def test_gradients_come_back_to_the_pixels_that_are_seen():
    """The change is affine in the image: its gradient is what differences say, exactly."""
    random = np.random.default_rng(1)
    upstream, direction = random.normal(size=(2, *IMAGES.shape)).astype(np.float32)
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(upstream * diff_augment(images, KINDS, SEED))
    slope = float(tf.reduce_sum(direction * tape.gradient(total, images)))
    ahead, behind = (by_hand(IMAGES + sign * direction, KINDS) for sign in (1, -1))
    assert slope == pytest.approx(np.sum(upstream * (ahead - behind), dtype=float) / 2, rel=1e-3)


def test_four_replicas_change_what_one_does(four_replicas):
    whole = diff_augment(IMAGES, KINDS, SEED)

    def own_part():
        context = tf.distribute.get_replica_context()
        first = 8 * context.replica_id_in_sync_group
        return diff_augment(tf.constant(IMAGES)[first : first + 8], KINDS, SEED)

    parts = four_replicas.experimental_local_results(four_replicas.run(own_part))
    np.testing.assert_array_equal(tf.concat(parts, 0), whole)
