import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inception_score import inception
from cargan_tf.evaluation.metrics.inputs import JUDGE, NotMeasured


def test_sure_of_each_and_even_over_all_is_the_number_of_classes(material, looker):
    row = material(
        [0, 1, 2] * 4, lookers={JUDGE: looker("judge", logits=40 * np.eye(3)[[0, 1, 2] * 4])}
    )
    found = inception(row, JUDGE)
    assert found.value == pytest.approx(3)
    assert (found.pictures, found.network) == (12, "judge")


def test_one_class_over_and_over_is_1(material, looker):
    row = material([0] * 4, lookers={JUDGE: looker(logits=40 * np.eye(3)[[1] * 4])})
    assert inception(row, JUDGE).value == pytest.approx(1)


def test_a_network_without_classes_is_named(material, looker):
    row = material([0], lookers={JUDGE: looker("inception", fake=[[1.0]])})
    with pytest.raises(NotMeasured, match="inception has no classes"):
        inception(row, JUDGE)
