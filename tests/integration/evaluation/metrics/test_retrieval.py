import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.retrieval import DEPTHS, METRICS, retrieval

CLASSES = [0, 1] * 12  # twelve photos of each


def test_the_photos_themselves_are_found(inputs):
    for depth in DEPTHS:
        found = retrieval(inputs(CLASSES), depth)
        assert (found.value, found.images) == (1, 24)
        assert found.chance == pytest.approx(depth / 12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_class_mean_is_at_chance(inputs, split, depth):
    generated = split(CLASSES)
    found = retrieval(inputs(CLASSES, generated.stills["class mean"].images), depth)
    assert found.value == pytest.approx(found.chance)


def test_ranks_by_hand(inputs, split):
    photos = split([0, 0, 0]).photos
    # Nearest to photo 0 in all three: its own, then one that is nearer to it, then the other.
    found = retrieval(inputs([0, 0, 0], photos[[0, 0, 0]]), 1)
    assert found.value == pytest.approx(1 / 3)
    assert found.interval[0] < 1 / 3 < found.interval[1]


def test_classes_of_other_sizes_have_their_own_chance(inputs):
    found = retrieval(inputs([0] * 2 + [1] * 8), 5)
    assert found.chance == pytest.approx((2 * 1 + 8 * 5 / 8) / 10)


def test_where_every_photo_is_within_reach_nothing_is_measured(inputs):
    with pytest.raises(NotMeasured, match="no class has more than 5 photos"):
        retrieval(inputs([0] * 5 + [1] * 3), 5)


def test_some_pairs_alone_keep_their_rank_among_all_photos(inputs, split):
    photos = split(CLASSES).photos
    few = inputs(CLASSES, np.roll(photos, 2, axis=0)).only(np.array([0, 3]))
    found = retrieval(few, 1)
    assert (found.value, found.images) == (0, 2)
    assert found.chance == pytest.approx(1 / 12)


def test_a_column_a_depth():
    assert [metric.info.name for metric in METRICS] == [
        "retrieval_1",
        "retrieval_5",
        "retrieval_10",
    ]
    assert not any(metric.of_real for metric in METRICS)
