from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured, rank
from cargan_tf.evaluation.metrics.retrieval import player_match, retrieval, retrieval_in_player

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


def test_within_the_player_a_photo_competes_with_that_players_alone(inputs, split):
    photos = split(CLASSES).photos
    # Bob's is nearest to two of Ann's images, which does not matter among Ann's photos.
    near_bob = photos.copy()
    near_bob[[0, 1]] = photos[3] + 0.4 * (photos[[0, 1]] - photos[3])
    given = inputs(CLASSES, near_bob, PLAYERS)
    assert retrieval(given, 1).value == pytest.approx(4 / 6)
    found = retrieval_in_player(given)
    assert (found.value, found.images) == (1, 6)
    assert found.chance == pytest.approx((3 * 1 / 3 + 3) / 6)


def test_one_photo_per_player_is_at_chance_within_the_player_and_above_it_in_the_class(
    inputs, split
):
    """What hears who plays and nothing else."""
    classes, players = [0] * 20, ("ann",) * 10 + ("bob",) * 10
    photos = split(classes).photos + np.repeat([-3, 3], 10)[:, None, None, None]
    still = np.repeat(photos[[0, 10]], 10, axis=0)
    given = inputs(classes, still, players)
    given = replace(
        given, photos=photos, ranking=rank(still, drawn(split, classes, photos, players))
    )
    assert player_match(given).value == 1
    assert retrieval(given, 1).value == 2 / 20 > retrieval(given, 1).chance
    found = retrieval_in_player(given)
    assert (found.value, found.chance) == (pytest.approx(2 / 20), pytest.approx(2 / 20))


def test_within_the_player_needs_names_and_more_than_one_photo(inputs):
    with pytest.raises(NotMeasured, match="names no players"):
        retrieval_in_player(inputs(CLASSES))
    with pytest.raises(NotMeasured, match="no player has more than one photo"):
        retrieval_in_player(inputs([0, 0, 1, 1], players=("ann", "bob", "cy", "di")))


def test_some_pairs_alone_keep_their_rank_among_all_photos_of_the_player(inputs):
    found = retrieval_in_player(inputs(CLASSES, players=PLAYERS).only(np.array([0, 3])))
    assert (found.value, found.chance) == (1, pytest.approx((1 / 3 + 1) / 2))


def drawn(split, classes, photos, players):
    return replace(split(classes, players), photos=photos)
