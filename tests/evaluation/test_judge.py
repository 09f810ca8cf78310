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
    load_judge,
    read_report,
    train_judge,
)
from cargan_tf.training.validation import gather


@pytest.fixture(scope="module")
def judge(tiny_judge):
    return load_judge(tiny_judge)


@pytest.fixture
def judged(tiny_judge, tmp_path):
    """A copy for a test to change: the description and the judge alone."""
    shutil.copytree(tiny_judge / FOLDER, tmp_path / FOLDER)
    shutil.copyfile(tiny_judge / DATASET_FILE, tmp_path / DATASET_FILE)
    return tmp_path


@pytest.mark.slow
def test_it_tells_held_out_photos_apart_and_says_how_well(judge, tiny_judge, tiny_config):
    dataset = load_dataset(tiny_judge)
    pairs = gather(evaluation_batches(dataset, tiny_judge, tiny_config, "validation", 12))
    seen = judge(pairs["photo"])
    assert seen.features.shape == (12, 1280)
    right = np.mean(seen.classes == pairs["label"].argmax(1))
    report = read_report(tiny_judge)
    assert right == report.accuracy == judge.info.accuracy >= 0.5
    assert (report.split, report.photos, report.input_size) == ("validation", 12, 64)
    assert report.labels == dataset.labels


@pytest.mark.parametrize("size", [32, 100])
def test_pictures_of_any_size_are_judged(judge, size):
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, size, size, 3)).astype(np.float32)
    seen = judge(pictures)
    assert seen.logits.shape == (3, 3)
    assert np.isfinite(seen.logits).all()


def test_of_another_data_set_it_is_no_judge(judged):
    (judged / DATASET_FILE).write_text((judged / DATASET_FILE).read_text("utf-8") + "\n", "utf-8")
    assert read_report(judged) is None
    with pytest.raises(UserError, match=r"no judge of this data .* cargan classifier --judge"):
        load_judge(judged)


def test_one_that_is_too_weak_is_refused(judged):
    file = judged / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "accuracy": 0.4}), "utf-8")
    with pytest.raises(UserError, match=r"names 0\.400 of the validation photos right, under"):
        load_judge(judged)


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_a_damaged_report_is_named(judged, content):
    (judged / FOLDER / REPORT_FILE).write_text(content, "utf-8")
    with pytest.raises(UserError, match=r"judge\.json is damaged; train the judge again"):
        read_report(judged)


def test_a_report_of_settings_that_there_are_not_is_damaged(judged):
    file = judged / FOLDER / REPORT_FILE
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**values, "config": {"minimum_accuracy": 2}}), "utf-8")
    with pytest.raises(UserError, match=r"judge\.json is damaged; train the judge again"):
        read_report(judged)


def test_damaged_weights_are_named(judged):
    (judged / FOLDER / WEIGHTS_FILE).write_bytes(b"PK")
    with pytest.raises(UserError, match=r"judge\.npz is damaged; train the judge again"):
        load_judge(judged)


def test_without_held_out_photos_there_can_be_none(tiny_data, tiny_config, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    file = data / DATASET_FILE
    values = json.loads(file.read_text("utf-8"))
    values["shards"] = {"train": values["shards"]["train"]}
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(UserError, match="only a training split"):
        train_judge(data, tiny_config)


@pytest.mark.parametrize(
    ("size", "settings", "expected"),
    [(64, (), 96), (128, (), 128), (256, (), 224), (256, ("judge.input_size=64",), 64)],
)
def test_the_size_it_looks_at_follows_the_photos(tiny_config, size, settings, expected):
    config = override(tiny_config, ["judge.input_size=null", *settings])
    assert config.judge.size_for(size) == expected
