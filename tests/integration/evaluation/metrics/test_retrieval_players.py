import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.retrieval import player_match

CLASSES = [0, 0, 0, 0, 1, 1]
PLAYERS = ("ann", "ann", "ann", "bob", "cy", "di")


def test_the_photos_themselves_show_who_is_heard(inputs):
    found = player_match(inputs(CLASSES, players=PLAYERS))
    assert (found.value, found.images) == (1, 6)
    # Ann's three of four, Bob's one of four, and one of two in the other class.
    assert found.chance == pytest.approx((3 * 3 / 4 + 1 / 4 + 2 * 1 / 2) / 6)


def test_another_photo_of_the_same_player_counts(inputs, split):
    photos = split(CLASSES).photos
    swapped = photos[[1, 2, 0, 0, 5, 4]]
    assert player_match(inputs(CLASSES, swapped, PLAYERS)).value == pytest.approx(3 / 6)


def test_without_names_or_with_one_player_a_class_nothing_is_measured(inputs):
    with pytest.raises(NotMeasured, match="names no players"):
        player_match(inputs(CLASSES))
    with pytest.raises(NotMeasured, match="no class has more than one player"):
        player_match(inputs(CLASSES, players=("ann",) * 4 + ("cy",) * 2))


def test_some_pairs_alone_are_matched_among_all_photos(inputs):
    found = player_match(inputs(CLASSES, players=PLAYERS).only(np.array([3])))
    assert (found.value, found.chance) == (1, 1 / 4)
