import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score

from cargan_tf.evaluation.metrics.accuracy import METRICS, accuracy
from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.registry import chosen_metrics
from cargan_tf.evaluation.networks.feature_network import CLASSIFIER, EVALUATOR

CLASSES = [0, 0, 1, 1, 1, 2, 2, 0]
SEEN = [0, 1, 1, 1, 2, 2, 2, 2]


@pytest.fixture
def figure(inputs, activations_of):
    def measure(classes=CLASSES, seen=SEEN):
        activations = {EVALUATOR: activations_of("evaluator", logits=np.eye(3)[seen])}
        return accuracy(inputs(classes, activations=activations), EVALUATOR)

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


def test_a_class_without_pictures_is_left_out(figure):
    found = figure([0, 0, 2], [0, 1, 2])
    assert {name: one.value for name, one in found.by_class.items()} == {"cello": 0.5, "violin": 1}
    assert found.by_class["cello"].images == 2
    assert found.value == pytest.approx(2 / 3)


def test_without_a_network_the_reason_is_passed_on(inputs):
    row = inputs(CLASSES, missing_networks={CLASSIFIER: "no classifier in data/classifier"})
    with pytest.raises(NotMeasured, match="no classifier in data/classifier"):
        accuracy(row, CLASSIFIER)


def test_each_judge_has_its_column_and_says_which_network_it_needs():
    assert {metric.info.name: metric.role for metric in METRICS} == {
        "evaluator_accuracy": EVALUATOR,
        "classifier_accuracy": CLASSIFIER,
    }
    assert chosen_metrics(["evaluator_accuracy"]) == (METRICS[0],)
