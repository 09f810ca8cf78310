import numpy as np

from cargan_tf.evaluation.metrics.inputs import rank


def photos_at(*positions):
    """Even gray images, as bright as their place."""
    return np.asarray(positions, np.float32).reshape(-1, 1, 1, 1) * np.ones(
        (1, 4, 4, 3), np.float32
    )


def test_ranks_by_hand(drawn_from):
    # Two classes on a line; an image at .25 has the photos at .2, .0 and .6 in this order.
    generated = drawn_from(photos_at(0.0, 0.2, 0.6, -0.5, 0.3), [0, 0, 0, 1, 1])
    found = rank(photos_at(0.25, 0.25, 0.25, 0.25, 0.25), generated)
    np.testing.assert_array_equal(found.ranks, [2, 1, 3, 2, 1])
    np.testing.assert_array_equal(found.nearest, [1, 1, 1, 4, 4])
    np.testing.assert_array_equal(found.candidates, [3, 3, 3, 2, 2])
    assert found.player_match is found.player_chance is None


def test_players_by_hand(drawn_from):
    generated = drawn_from(photos_at(0.0, 0.2, 0.6), [0, 0, 0], ("ann", "bob", "ann"))
    found = rank(photos_at(0.5, 0.5, 0.0), generated)
    np.testing.assert_array_equal(found.player_match, [True, False, True])
    np.testing.assert_allclose(found.player_chance, [2 / 3, 1 / 3, 2 / 3])


def test_of_equal_photos_the_first_stands_first(drawn_from):
    generated = drawn_from(photos_at(0.1, 0.1, 0.1), [0, 0, 0])
    np.testing.assert_array_equal(rank(generated.photos, generated).ranks, [1, 2, 3])


def test_a_class_of_one_photo_is_always_found(drawn_from):
    generated = drawn_from(photos_at(0.1, 0.2), [0, 1])
    np.testing.assert_array_equal(rank(photos_at(-1, -1), generated).ranks, [1, 1])
