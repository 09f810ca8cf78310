import numpy as np
import pytest

from cargan_tf.training.conditioning_metrics import (
    HeldOutPairs,
    describe_conditioning,
    mean_distance,
    measure_conditioning,
    nearest_in_class,
    permute_within_class,
)

CLASSES, A_CLASS, SIZE = 3, 4, 4
PAIRS = CLASSES * A_CLASS
LABELS = np.eye(CLASSES, dtype=np.float32)[np.arange(PAIRS) % CLASSES]
#: Each photo has a place of its own in its class; two players of two photos in each.
PHOTOS = np.random.default_rng(0).uniform(-1, 1, (PAIRS, SIZE, SIZE, 3)).astype(np.float32)
PLAYERS = tuple(f"{index % CLASSES}/{index // (2 * CLASSES)}" for index in range(PAIRS))
#: Of each pair's player among those of its class.
INDICES = np.arange(PAIRS) // (2 * CLASSES)
#: The sound of pair i is i everywhere.
SOUNDS = np.broadcast_to(
    np.arange(PAIRS, dtype=np.float32)[:, None, None, None], (PAIRS, SIZE, SIZE, 1)
)
MEANS = np.stack([PHOTOS[LABELS[:, label] == 1].mean(0) for label in range(CLASSES)])


def held_out(players=PLAYERS):
    return HeldOutPairs(SOUNDS, LABELS, PHOTOS, players, INDICES)


def deaf(spectrograms, labels, players):
    images = MEANS[labels.argmax(1)]
    return images, images


def perfect(spectrograms, labels, players):
    images = PHOTOS[spectrograms[:, 0, 0, 0].astype(int)]
    return images, images


def measured(draw, players=PLAYERS):
    return measure_conditioning(draw, held_out(players), MEANS, seed=0)


def test_a_deaf_generator_is_found_out():
    figures = measured(deaf)
    assert figures.sound_sensitivity == 0
    assert figures.label_sensitivity > 0.05
    assert figures.retrieval == figures.retrieval_chance == 1 / A_CLASS
    assert figures.player_match == figures.player_match_chance == 0.5
    assert figures.refined_l1 == pytest.approx(figures.class_mean_l1)


def test_a_perfect_generator_is_known():
    figures = measured(perfect)
    assert (figures.retrieval, figures.player_match, figures.refined_l1) == (1, 1, 0)
    assert figures.sound_sensitivity > 0.1
    assert figures.label_sensitivity == 0  # this one hears everything in the sound
    assert figures.pairs == PAIRS


def test_one_that_hears_the_player_only_matches_the_player():
    by_player = {name: PHOTOS[index] for index, name in enumerate(PLAYERS)}

    def draw(spectrograms, labels, players):
        names = [PLAYERS[int(sound)] for sound in spectrograms[:, 0, 0, 0]]
        images = np.stack([by_player[name] for name in names])
        return images, images

    figures = measured(draw)
    assert (figures.player_match, figures.retrieval) == (1, 0.5)


def test_both_stages_are_measured():
    figures = measured(lambda *pairs: (deaf(*pairs)[0], perfect(*pairs)[0]))
    assert figures.coarse_l1 == pytest.approx(figures.class_mean_l1)
    assert figures.refined_l1 == 0


@pytest.mark.parametrize("players", [(), ("", *PLAYERS[1:])])
def test_without_players_there_is_no_player_match(players):
    figures = measured(perfect, players)
    assert figures.player_match is figures.player_match_chance is None
    assert figures.to_json()["player_match"] is None


def test_the_class_mean_s_l1_is_by_hand():
    distances = [np.abs(MEANS[LABELS[i].argmax()] - PHOTOS[i]).mean() for i in range(PAIRS)]
    assert measured(deaf).class_mean_l1 == pytest.approx(np.mean(distances))


def test_one_seed_one_measure():
    assert measured(perfect) == measured(perfect)


def test_retrieval_looks_within_the_class_only():
    classes = LABELS.argmax(1)
    images = np.roll(PHOTOS, 1, axis=0)  # each is exactly a photo of another class
    nearest = nearest_in_class(images, PHOTOS, classes)
    np.testing.assert_array_equal(classes[nearest], classes)


@pytest.mark.parametrize("seed", range(5))
def test_sounds_are_deranged_within_their_class(seed):
    classes = np.array([0, 1, 1, 2, 0, 2, 2, 0, 3])
    order = permute_within_class(classes, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(classes)))
    np.testing.assert_array_equal(classes[order], classes)
    moved = order != np.arange(len(classes))
    np.testing.assert_array_equal(moved, classes != 3)  # the last is alone in its class


def test_a_class_of_unequal_players_has_its_own_chance():
    uneven = tuple("a" if index < CLASSES else "b" for index in range(PAIRS))  # 1 and 3 of 4
    assert measured(deaf, uneven).player_match_chance == pytest.approx((1 + 9) / 16)


def test_mean_distance_is_in_units_of_the_image():
    assert mean_distance(np.ones((2, 2, 2, 3)), -np.ones((2, 2, 2, 3))) == 2


def test_the_figures_in_one_line():
    figures = measured(perfect)
    line = describe_conditioning(figures)
    assert "\n" not in line
    assert "L1 coarse 0.000, refined 0.000" in line
    assert f"player match 1.00 (chance {figures.player_match_chance:.2f})" in line
    assert "player" not in describe_conditioning(measured(perfect, players=None))
