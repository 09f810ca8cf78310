import json
import shutil

import numpy as np
import pytest

from cargan_tf.config import override
from cargan_tf.data.dataset import DATASET_FILE, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.evaluator import (
    FOLDER,
    REPORT_FILE,
    WEIGHTS_FILE,
    load_evaluator,
    read_report,
    train_evaluator,
)
from cargan_tf.training.validation import gather


@pytest.fixture(scope="module")
def evaluator(tiny_evaluator):
    return load_evaluator(tiny_evaluator)


@pytest.fixture
def judged(tiny_evaluator, tmp_path):
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
    right = np.mean(seen.classes == pairs["label"].argmax(1))
    report = read_report(tiny_evaluator)
    assert right == report.accuracy == evaluator.info.accuracy >= 0.5
    assert (report.split, report.photos, report.input_size) == ("validation", 12, 64)
    assert report.labels == dataset.labels


@pytest.mark.parametrize("size", [32, 100])
def test_pictures_of_any_size_are_judged(evaluator, size):
    images = np.random.default_rng(0).uniform(-1, 1, (3, size, size, 3)).astype(np.float32)
    seen = evaluator(images)
    assert seen.logits.shape == (3, 3)
    assert np.isfinite(seen.logits).all()


def test_of_another_data_set_it_is_no_judge(judged):
    (judged / DATASET_FILE).write_text((judged / DATASET_FILE).read_text("utf-8") + "\n", "utf-8")
    assert read_report(judged) is None
    with pytest.raises(
        UserError, match=r"no evaluator of this data .* cargan classifier --evaluator"
    ):
        load_evaluator(judged)


def test_one_that_is_too_weak_is_refused(judged):
    file = judged / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "accuracy": 0.4}), "utf-8")
    with pytest.raises(UserError, match=r"an accuracy of 0\.400 on the validation photos, below"):
        load_evaluator(judged)


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_a_damaged_report_is_named(judged, content):
    (judged / FOLDER / REPORT_FILE).write_text(content, "utf-8")
    with pytest.raises(UserError, match=r"evaluator\.json is damaged; train the evaluator again"):
        read_report(judged)


def test_a_report_of_settings_that_there_are_not_is_damaged(judged):
    file = judged / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "config": {"minimum_accuracy": 2}}), "utf-8")
    with pytest.raises(UserError, match=r"evaluator\.json is damaged; train the evaluator again"):
        read_report(judged)


def test_damaged_weights_are_named(judged):
    (judged / FOLDER / WEIGHTS_FILE).write_bytes(b"PK")
    with pytest.raises(UserError, match=r"evaluator\.npz is damaged; train the evaluator again"):
        load_evaluator(judged)


def test_without_held_out_photos_there_can_be_none(tiny_data, tiny_config, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    file = data / DATASET_FILE
    values = json.loads(file.read_text("utf-8"))
    values["shards"] = {"train": values["shards"]["train"]}
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(UserError, match="only a training split"):
        train_evaluator(data, tiny_config)


@pytest.mark.parametrize(
    ("size", "settings", "expected"),
    [(64, (), 96), (128, (), 128), (256, (), 224), (256, ("evaluator.input_size=64",), 64)],
)
def test_the_size_it_looks_at_follows_the_photos(tiny_config, size, settings, expected):
    config = override(tiny_config, ["evaluator.input_size=null", *settings])
    assert config.evaluator.size_for(size) == expected
