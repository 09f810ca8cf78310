from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from cargan_tf.evaluation.metrics.inputs import MetricInputs, NetworkActivations, rank
from cargan_tf.evaluation.networks.feature_network import (
    CLASSIFIER,
    EVALUATOR,
    FEATURES,
    Activations,
)
from cargan_tf.evaluation.split_report import confusions_of, examples_of

CLASSES, SEEN = [0, 0, 1, 2, 2], [0, 1, 1, 1, 2]


@pytest.fixture
def generated(drawn_from):
    photos = np.linspace(-1, 1, 5, dtype=np.float32).reshape(5, 1, 1, 1) * np.ones((1, 4, 4, 3))
    return drawn_from(photos.astype(np.float32), CLASSES, ("ann", "bob", "cy", "di", "di"))


@pytest.fixture
def refined(generated):
    def activations_of(name, classes):
        seen = Activations(np.zeros((5, 1)), np.eye(3)[classes])
        return NetworkActivations(SimpleNamespace(info=SimpleNamespace(name=name)), seen, seen)

    return MetricInputs(
        row="refined",
        labels=generated.labels,
        classes=generated.classes,
        images=generated.refined,
        photos=generated.photos,
        ranking=rank(generated.refined, generated),
        activations={
            EVALUATOR: activations_of("evaluator", SEEN),
            CLASSIFIER: activations_of("classifier", CLASSES),
            FEATURES: activations_of("efficientnet-lite0", SEEN),
        },
    )


def test_a_record_a_pair(generated, refined):
    examples = examples_of(generated, refined)
    assert [example.index for example in examples] == list(range(5))
    second = examples[1]
    assert (second.key, second.label, second.player) == ("clip1", "a", "bob")
    assert second.predictions == {"evaluator": "b", "classifier": "a"}  # not ImageNet's classes
    assert (second.rank, second.candidates, second.nearest) == (1, 2, 1)
    assert second.coarse_l1 == second.refined_l1 == 0


def test_each_pair_has_its_own_distance(generated, refined):
    object.__setattr__(generated, "coarse", generated.photos + np.float32(0.25))
    distances = [example.coarse_l1 for example in examples_of(generated, refined)]
    assert distances == pytest.approx([0.25] * 5)


def test_confusions_are_scikit_learn_s(refined):
    by_evaluator, by_classifier = confusions_of(refined)
    assert (by_evaluator.evaluator, by_classifier.evaluator) == ("evaluator", "classifier")
    np.testing.assert_array_equal(by_evaluator.counts, confusion_matrix(CLASSES, SEEN))
    np.testing.assert_array_equal(by_classifier.counts, np.diag([2, 1, 2]))
