import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inception_score import inception_score
from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.networks.feature_network import EVALUATOR


def test_sure_of_each_and_even_over_all_is_the_number_of_classes(inputs, activations_of):
    row = inputs(
        [0, 1, 2] * 4,
        activations={EVALUATOR: activations_of("evaluator", logits=40 * np.eye(3)[[0, 1, 2] * 4])},
    )
    found = inception_score(row, EVALUATOR)
    assert found.value == pytest.approx(3)
    assert (found.images, found.network) == (12, "evaluator")


def test_one_class_over_and_over_is_1(inputs, activations_of):
    row = inputs([0] * 4, activations={EVALUATOR: activations_of(logits=40 * np.eye(3)[[1] * 4])})
    assert inception_score(row, EVALUATOR).value == pytest.approx(1)


def test_a_network_without_classes_is_named(inputs, activations_of):
    row = inputs([0], activations={EVALUATOR: activations_of("inception", fake=[[1.0]])})
    with pytest.raises(NotMeasured, match="inception has no classes"):
        inception_score(row, EVALUATOR)
