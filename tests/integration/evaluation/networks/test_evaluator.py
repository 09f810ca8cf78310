import itertools
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.data.dataset import DATASET_FILE, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks import evaluator as evaluator_module
from cargan_tf.evaluation.networks.evaluator import (
    FOLDER,
    REPORT_FILE,
    evaluator_seeds,
    load_evaluators,
    read_report,
    train_evaluators,
    weights_file,
)
from cargan_tf.training.classifiers import train_classifier
from cargan_tf.training.validation import gather


@pytest.fixture(scope="module")
def evaluator(tiny_evaluator):
    return load_evaluators(tiny_evaluator)


@pytest.fixture
def data_with_evaluators(tiny_evaluator, tmp_path):
    """A copy for a test to change: the description and the evaluator alone."""
    shutil.copytree(tiny_evaluator / FOLDER, tmp_path / FOLDER)
    shutil.copyfile(tiny_evaluator / DATASET_FILE, tmp_path / DATASET_FILE)
    return tmp_path


@pytest.mark.slow
def test_it_tells_held_out_photos_apart_and_says_how_well(evaluator, tiny_evaluator, tiny_config):
    dataset = load_dataset(tiny_evaluator)
    pairs = gather(evaluation_batches(dataset, tiny_evaluator, tiny_config, "validation", 12))
    seen = evaluator(pairs["photo"])
    assert seen.features.shape == (12, 1280)
    right = np.mean(seen.seen_by_each == pairs["label"].argmax(1), axis=1)
    report = read_report(tiny_evaluator)
    assert report.accuracies == pytest.approx(right)
    assert min(right) >= 0.5
    assert evaluator.info.accuracy == report.accuracy == pytest.approx(np.mean(right))
    assert report.seeds == evaluator_seeds(tiny_config.training.seed, 2)
    assert (report.split, report.photos, report.input_size) == ("validation", 12, 64)
    assert report.labels == dataset.labels


@pytest.mark.parametrize("size", [32, 100])
def test_images_of_any_size_are_classified(evaluator, size):
    images = np.random.default_rng(0).uniform(-1, 1, (3, size, size, 3)).astype(np.float32)
    seen = evaluator(images)
    assert seen.logits.shape == (3, 3)
    assert seen.members.shape == (2, 3, 3)
    assert np.isfinite(seen.logits).all()


def test_they_answer_by_the_mean_of_their_probabilities(evaluator):
    images = np.random.default_rng(0).uniform(-1, 1, (5, 64, 64, 3)).astype(np.float32)
    seen = evaluator(images)
    exponentials = np.exp(seen.members.astype(np.float64))
    probabilities = exponentials / exponentials.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(np.exp(seen.logits), probabilities.mean(axis=0), rtol=1e-4)
    assert not np.allclose(*seen.members)
    np.testing.assert_array_equal(seen.only(np.array([3, 1])).members, seen.members[:, [3, 1]])


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_each_has_a_seed_of_its_own_that_is_not_the_run_s(seed):
    seeds = evaluator_seeds(seed, 5)
    assert len({*seeds, seed}) == 6
    assert all(0 <= one < 2**31 for one in seeds)
    assert evaluator_seeds(seed, 3) == seeds[:3]
    assert not {*seeds} & {*evaluator_seeds((seed + 1) % 2**31, 5)}


def test_none_sees_the_batches_or_the_augmentation_of_c_or_of_another(
    monkeypatch, tiny_data, tiny_config, tmp_path
):
    """With ``classifier.noise`` C's photos are augmented by the same function."""
    data = shutil.copytree(tiny_data, tmp_path / "data")
    settings = ["classifier.noise=0.1", "classifier.batch_size=8"]
    settings += ["classifier.minimum_accuracy=0", "evaluator.minimum_accuracy=0"]
    config = override(tiny_config, settings)
    seen = []

    def watch(network, stream, feature, rate, steps, epoch, task, augment):
        order = [name for batch in stream.take(3) for name in batch["id"].numpy()]
        noisy = augment(tf.zeros([1, 64, 64, 3]), tf.constant(0)).numpy()
        seen.append((order, noisy.ravel()[:50]))

    for module in (train_classifier, evaluator_module):
        monkeypatch.setattr(module, "fit_classifier", watch)
    train_classifier.train_classifier(data, config)
    train_evaluators(data, config)
    assert len(seen) == 3  # C and two evaluators
    for (order, noisy), (other_order, other_noisy) in itertools.combinations(seen, 2):
        assert order != other_order
        assert not np.array_equal(noisy, other_noisy)


def test_of_another_data_set_there_is_no_evaluator(data_with_evaluators):
    (data_with_evaluators / DATASET_FILE).write_text(
        (data_with_evaluators / DATASET_FILE).read_text("utf-8") + "\n", "utf-8"
    )
    assert read_report(data_with_evaluators) is None
    with pytest.raises(
        UserError, match=r"no evaluators of this data .* cargan classifier --evaluator"
    ):
        load_evaluators(data_with_evaluators)


def test_one_that_is_too_weak_is_refused(data_with_evaluators):
    file = data_with_evaluators / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "accuracies": [0.9, 0.4]}), "utf-8")
    with pytest.raises(
        UserError, match=r"weakest .* an accuracy of 0\.400 on the validation photos, below"
    ):
        load_evaluators(data_with_evaluators)


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_a_damaged_report_is_named(data_with_evaluators, content):
    (data_with_evaluators / FOLDER / REPORT_FILE).write_text(content, "utf-8")
    with pytest.raises(UserError, match=r"evaluators\.json is damaged; train the evaluators again"):
        read_report(data_with_evaluators)


def test_a_report_of_settings_that_there_are_not_is_damaged(data_with_evaluators):
    file = data_with_evaluators / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "config": {"minimum_accuracy": 2}}), "utf-8")
    with pytest.raises(UserError, match=r"evaluators\.json is damaged; train the evaluators again"):
        read_report(data_with_evaluators)


def test_damaged_weights_are_named(data_with_evaluators):
    last = weights_file(data_with_evaluators, read_report(data_with_evaluators).seeds[-1])
    last.write_bytes(b"PK")
    with pytest.raises(UserError, match=rf"{last.name} is damaged; train the evaluators again"):
        load_evaluators(data_with_evaluators)


def test_without_held_out_photos_there_can_be_none(tiny_data, tiny_config, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    file = data / DATASET_FILE
    values = json.loads(file.read_text("utf-8"))
    values["shards"] = {"train": values["shards"]["train"]}
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(UserError, match="only a training split"):
        train_evaluators(data, tiny_config)


@pytest.mark.parametrize(
    ("size", "settings", "expected"),
    [(64, (), 96), (128, (), 128), (256, (), 224), (256, ("evaluator.input_size=64",), 64)],
)
def test_the_size_it_looks_at_follows_the_photos(tiny_config, size, settings, expected):
    config = override(tiny_config, ["evaluator.input_size=null", *settings])
    assert config.evaluator.size_for(size) == expected
