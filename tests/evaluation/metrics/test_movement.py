import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.sensitivity import METRICS


@pytest.fixture
def figures(material, split):
    def measure(by_sound, by_label):
        pictures = split([0, 1]).photos * 0
        row = material(
            [0, 1], pictures, other_sound=pictures + by_sound, other_label=pictures + by_label
        )
        return {metric.info.name: metric.measure(row).value for metric in METRICS}

    return measure


def test_by_hand(figures):
    found = figures(0.25, -0.5)
    assert found == pytest.approx(
        {"sound_movement": 0.25, "label_movement": 0.5, "movement_ratio": 0.5}
    )


def test_a_deaf_generator_does_not_move(figures):
    assert figures(0.0, 0.5)["movement_ratio"] == 0


def test_where_labels_move_nothing_there_is_no_ratio(figures):
    with pytest.raises(NotMeasured, match="do not move the pictures"):
        figures(0.25, 0.0)


def test_rows_that_were_not_drawn_anew_have_no_such_figures(material):
    row = material([0, 1])
    assert not any(metric.applies_to(row) for metric in METRICS)
    moved = material([0, 1], other_sound=np.zeros(1), other_label=np.zeros(1))
    assert all(metric.applies_to(moved) for metric in METRICS)
