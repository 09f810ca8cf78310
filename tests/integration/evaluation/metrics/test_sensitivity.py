import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.sensitivity import METRICS


@pytest.fixture
def values(inputs, split):
    def measure(by_sound, by_label):
        images = split([0, 1]).photos * 0
        row = inputs([0, 1], images, other_sound=images + by_sound, other_label=images + by_label)
        return {metric.info.name: metric.measure(row).value for metric in METRICS}

    return measure


def test_by_hand(values):
    found = values(0.25, -0.5)
    assert found == pytest.approx(
        {"sound_sensitivity": 0.25, "label_sensitivity": 0.5, "movement_ratio": 0.5}
    )


def test_a_deaf_generator_does_not_move(values):
    assert values(0.0, 0.5)["movement_ratio"] == 0


def test_where_labels_move_nothing_there_is_no_ratio(values):
    with pytest.raises(NotMeasured, match="do not move the images"):
        values(0.25, 0.0)


def test_rows_that_were_not_drawn_anew_have_no_such_figures(inputs):
    row = inputs([0, 1])
    assert not any(metric.applies_to(row) for metric in METRICS)
    moved = inputs([0, 1], other_sound=np.zeros(1), other_label=np.zeros(1))
    assert all(metric.applies_to(moved) for metric in METRICS)
