from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score

from cargan_tf.evaluation.metrics.accuracy import METRICS, accuracy
from cargan_tf.evaluation.metrics.inputs import NotMeasured, value_of
from cargan_tf.evaluation.metrics.registry import chosen_metrics
from cargan_tf.evaluation.networks.feature_network import CLASSIFIER, EVALUATOR

CLASSES = [0, 0, 1, 1, 1, 2, 2, 0]
SEEN = [0, 1, 1, 1, 2, 2, 2, 2]


@pytest.fixture
def figure(inputs, activations_of):
    def measure(classes=CLASSES, seen=SEEN):
        activations = {EVALUATOR: activations_of("evaluator", logits=np.eye(3)[seen])}
        return value_of(METRICS[0], inputs(classes, activations=activations))

    return measure


def test_overall_and_by_class_are_scikit_learn_s(figure):
    found = figure()
    assert found.value == pytest.approx(accuracy_score(CLASSES, SEEN))
    assert [one.value for one in found.by_class.values()] == pytest.approx(
        recall_score(CLASSES, SEEN, average=None)
    )
    assert list(found.by_class) == ["cello", "flute", "violin"]
    assert found.network == "evaluator"
    assert found.chance == pytest.approx(1 / 3)


def test_a_class_without_images_is_left_out(figure):
    found = figure([0, 0, 2], [0, 1, 2])
    assert {name: one.value for name, one in found.by_class.items()} == {"cello": 0.5, "violin": 1}
    assert found.by_class["cello"].images == 2
    assert found.value == pytest.approx(2 / 3)


def test_without_a_network_the_reason_is_passed_on(inputs):
    row = inputs(CLASSES, missing_networks={CLASSIFIER: "no classifier in data/classifier"})
    with pytest.raises(NotMeasured, match="no classifier in data/classifier"):
        accuracy(row, CLASSIFIER)


def test_each_evaluator_has_its_column_and_says_which_network_it_needs():
    assert {metric.info.name: metric.role for metric in METRICS} == {
        "evaluator_accuracy": EVALUATOR,
        "classifier_accuracy": CLASSIFIER,
    }
    assert chosen_metrics(["evaluator_accuracy"]) == (METRICS[0],)


def test_several_evaluators_give_their_mean_and_standard_deviation(inputs, activations_of):
    one = np.eye(3)[[0, 1, 2, 0]] * 9.0  # right on all four
    other = np.eye(3)[[0, 1, 0, 1]] * 9.0  # right on two
    third = np.eye(3)[[0, 1, 2, 1]] * 9.0  # right on three
    network = activations_of("evaluator", logits=one)
    seen = replace(network.images, members=np.stack([one, other, third]))
    given = inputs([0, 1, 2, 0], activations={EVALUATOR: replace(network, images=seen)})
    found = accuracy(given, EVALUATOR)
    assert found.by_network == (1.0, 0.5, 0.75)
    assert found.value == 0.75
    assert found.std == pytest.approx(np.std([1, 0.5, 0.75], ddof=1))
    assert found.interval[0] < 0.75 < found.interval[1]
    whole = value_of(METRICS[0], given)
    assert {name: of_class.value for name, of_class in whole.by_class.items()} == pytest.approx(
        {"cello": (1 + 0.5 + 0.5) / 3, "flute": 1, "violin": 2 / 3}
    )


def test_the_mean_over_classes_does_not_weigh_by_clips(inputs, activations_of):
    """Twelve to one: the rare class is always wrong."""
    logits = np.eye(3)[[0] * 13]
    given = inputs([0] * 12 + [1], activations={EVALUATOR: activations_of(logits=logits)})
    found = value_of(METRICS[0], given)
    assert found.value == pytest.approx(12 / 13)
    assert {name: one.value for name, one in found.by_class.items()} == {"cello": 1, "flute": 0}
    assert found.class_average == 0.5
