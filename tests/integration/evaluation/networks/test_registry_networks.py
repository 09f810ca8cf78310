import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks import registry
from cargan_tf.evaluation.networks.registry import find_networks
from cargan_tf.training.run import Run


class Listener:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.said = []

    def message(self, text):
        self.said.append(text)


@pytest.fixture
def find(trained, tiny_run, tiny_classifier):
    def search(roles, data=trained.data, classifier=trained.cascade.classifier, features="x"):
        drawing = SimpleNamespace(classifier=classifier)
        info, reporter = Run(tiny_run).read_info(), Listener()
        found = find_networks(roles, features, drawing, info, data, trained.config, reporter)
        return found, reporter.said

    return search


def test_c_is_the_run_s_own_and_what_is_not_asked_for_is_not_made(find, trained):
    found, said = find([])
    assert list(found.found) == ["classifier"]
    assert found.found["classifier"].info.accuracy >= 0.9
    assert said == []


def test_a_run_that_draws_without_c_is_classified_by_the_data_s(find, trained):
    images = np.random.default_rng(0).uniform(-1, 1, (3, 64, 64, 3)).astype(np.float32)
    own, of_data = (find([], classifier=one)[0] for one in (trained.cascade.classifier, None))
    np.testing.assert_allclose(
        own.found["classifier"](images).logits,
        of_data.found["classifier"](images).logits,
        atol=1e-3,
    )


def test_without_any_c_the_reason_is_kept(find, trained, tmp_path):
    found, _ = find(["classifier"], data=tmp_path, classifier=None)
    assert found.found == {}
    assert "no classifier in" in found.missing["classifier"]


def test_features_that_cannot_be_had_stop_the_evaluation(find):
    with pytest.raises(UserError, match="no feature network 'lite'"):
        find(["features"], features="lite")


def test_an_evaluator_is_trained_once_and_said_so(find, monkeypatch, trained, tmp_path):
    data = shutil.copytree(
        trained.data, tmp_path / "data", ignore=shutil.ignore_patterns("evaluators")
    )
    trainings = []
    monkeypatch.setattr(registry, "train_evaluators", lambda data, *rest: trainings.append(data))
    monkeypatch.setattr(registry, "load_evaluators", lambda data: "evaluator")
    found, (said,) = find(["evaluator"], data=data)
    assert found.found["evaluator"] == "evaluator"
    assert trainings == [data]
    assert said.startswith("No independent evaluators of this data yet: training 2, once, into")


def test_an_evaluator_that_cannot_be_had_is_a_reason_not_an_end(find, monkeypatch, trained):
    def refuse(data):
        raise UserError("the evaluator is too weak")

    monkeypatch.setattr(registry, "read_report", lambda data: "a report")
    monkeypatch.setattr(registry, "load_evaluators", refuse)
    found, said = find(["evaluator"])
    assert found.missing == {"evaluator": "the evaluator is too weak"}
    assert said == []
