from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from cargan_tf.evaluation.metrics.inputs import CLASSIFIER, FEATURES, JUDGE, Looker, Material, rank
from cargan_tf.evaluation.networks.feature_network import Seen
from cargan_tf.evaluation.split_report import confusions_of, examples_of

CLASSES, SEEN = [0, 0, 1, 2, 2], [0, 1, 1, 1, 2]


@pytest.fixture
def drawn(drawn_from):
    photos = np.linspace(-1, 1, 5, dtype=np.float32).reshape(5, 1, 1, 1) * np.ones((1, 4, 4, 3))
    return drawn_from(photos.astype(np.float32), CLASSES, ("ann", "bob", "cy", "di", "di"))


@pytest.fixture
def refined(drawn):
    def looker(name, classes):
        seen = Seen(np.zeros((5, 1)), np.eye(3)[classes])
        return Looker(SimpleNamespace(info=SimpleNamespace(name=name)), seen, seen)

    return Material(
        row="refined",
        labels=drawn.labels,
        classes=drawn.classes,
        pictures=drawn.refined,
        photos=drawn.photos,
        ranking=rank(drawn.refined, drawn),
        lookers={
            JUDGE: looker("judge", SEEN),
            CLASSIFIER: looker("classifier", CLASSES),
            FEATURES: looker("efficientnet-lite0", SEEN),
        },
    )


def test_a_record_a_pair(drawn, refined):
    examples = examples_of(drawn, refined)
    assert [example.index for example in examples] == list(range(5))
    second = examples[1]
    assert (second.key, second.label, second.player) == ("clip1", "a", "bob")
    assert second.predictions == {"judge": "b", "classifier": "a"}  # not ImageNet's classes
    assert (second.rank, second.candidates, second.nearest) == (1, 2, 1)
    assert second.coarse_l1 == second.refined_l1 == 0


def test_each_pair_has_its_own_distance(drawn, refined):
    object.__setattr__(drawn, "coarse", drawn.photos + np.float32(0.25))
    distances = [example.coarse_l1 for example in examples_of(drawn, refined)]
    assert distances == pytest.approx([0.25] * 5)


def test_confusions_are_scikit_learn_s(refined):
    by_judge, by_classifier = confusions_of(refined)
    assert (by_judge.judge, by_classifier.judge) == ("judge", "classifier")
    np.testing.assert_array_equal(by_judge.counts, confusion_matrix(CLASSES, SEEN))
    np.testing.assert_array_equal(by_classifier.counts, np.diag([2, 1, 2]))
