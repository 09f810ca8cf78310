import json
import os
import re
import shutil
import time

import pytest

from cargan_tf.config.loading import override
from cargan_tf.data.dataset import check_fits, load_dataset
from cargan_tf.errors import UserError


def test_what_it_knows(dataset, config):
    assert dataset.labels == ("cello", "flute", "violin")
    assert dataset.counts["train"] == {"cello": 8, "flute": 8, "violin": 8}
    assert {split: dataset.records(split) for split in dataset.shards} == {
        "train": 24,
        "validation": 12,
        "test": 12,
    }
    assert dataset.records("holiday") == 0
    assert dataset.config == config
    assert len(dataset.statistics.mean) == 16


def test_no_data_set(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="make one with `cargan preprocess"):
            load_dataset(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"labels"', '"names"'),
        lambda text: "[]",
    ],
)
def test_a_damaged_description(dataset_path, tmp_path, damage):
    (tmp_path / "dataset.json").write_text(damage((dataset_path / "dataset.json").read_text()))
    with pytest.raises(UserError, match=r"is damaged.*preprocess` again") as it:
        load_dataset(tmp_path)
    assert "\n" not in str(it.value)


@pytest.mark.parametrize(
    "name", ["../{}", "{}/../{}", "/etc/{}", "..", "a\\{}", ".{}", "", "a\0{}"]
)
def test_no_shard_lies_outside_the_folder(dataset_path, tmp_path, name):
    """A description from elsewhere; what it names is there."""
    values = json.loads((dataset_path / "dataset.json").read_text())
    shard = values["shards"]["train"][0]
    shutil.copy(dataset_path / shard["name"], tmp_path)
    shard["name"] = name.replace("{}", shard["name"])
    folder = shutil.copytree(dataset_path, tmp_path / "data")
    (folder / "dataset.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"is damaged: shards\.train\.0\.name"):
        load_dataset(folder)


def test_shards_missing_or_cut_short(dataset_path, dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset_path, copy)
    shard = copy / dataset.shards["test"][1].name
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{shard.name} has \d+ bytes, expected \d+"):
        load_dataset(copy)
    shard.unlink()
    with pytest.raises(UserError, match=f"{shard.name} is missing"):
        load_dataset(copy)


def test_steps_per_epoch(dataset):
    assert dataset.steps_per_epoch(5) == 4
    assert dataset.steps_per_epoch(24) == 1
    with pytest.raises(UserError, match=r"has 24 pairs, fewer than one batch of 25"):
        dataset.steps_per_epoch(25)


@pytest.mark.parametrize(
    ("texts", "steps"),
    [
        (["training.steps=null", "training.epochs=2"], 12),
        (["training.steps=null", "training.epochs=2", "training.decay_epochs=3"], 30),
        (["training.steps=7", "training.epochs=2"], 7),
    ],
)
def test_the_length_of_a_run(dataset, config, texts, steps):
    training = override(config, ["training.batch_size=4", *texts]).training
    assert dataset.training_steps(training) == steps


def test_settings_that_differ_are_named(dataset, config):
    check_fits(dataset, override(config, ["audio.clip_std=3", "training.batch_size=2"]))
    for text, name in (
        ("audio.n_mels=20", r"audio.n_mels = 16, the configuration says 20"),
        ("data.image_size=64", r"data.image_size = 32, the configuration says 64"),
    ):
        with pytest.raises(UserError, match=name):
            check_fits(dataset, override(config, [text]))


def test_the_description_is_plain_json(dataset_path):
    values = json.loads((dataset_path / "dataset.json").read_text())
    assert values["config"]["audio"]["sample_rate"] == 8_000
    assert len(values["statistics"]["std"]) == 16


def test_players_without_labels_are_read_as_unknown(dataset_path, tmp_path):
    values = json.loads((dataset_path / "dataset.json").read_text())
    values["players"] = ["Ann", "Bo"]  # as version 0.1 wrote them
    folder = shutil.copytree(dataset_path, tmp_path / "data")
    (folder / "dataset.json").write_text(json.dumps(values))
    old = load_dataset(folder)
    assert old.players == {}
    check_fits(old, override(old.config, ["model.players=2"]))  # as players without names


def test_more_players_than_the_configuration_has_inputs(dataset, config):
    named = dataset.model_copy(update={"players": {"cello": ("Ann",), "flute": ("Bo", "Cy")}})
    check_fits(named, override(config, ["model.players=2"]))
    with pytest.raises(UserError, match=r"up to 2 players of a label, model\.players is 1"):
        check_fits(named, override(config, ["model.players=1"]))


def test_a_pipe_is_no_description(tmp_path):
    os.mkfifo(tmp_path / "dataset.json")
    with pytest.raises(UserError, match=r"dataset\.json cannot be read: not a regular file"):
        load_dataset(tmp_path)


def test_a_description_of_nothing_but_values_is_refused_within_bounds(dataset_path, tmp_path):
    values = json.loads((dataset_path / "dataset.json").read_text())
    damages = {
        "labels: Field required": {"format_version": 2, "x": [[]] * 200_000},
        "recordings.train.cello.0": {**values, "recordings": {"train": {"cello": [1] * 200_000}}},
        "entries in one place": {**values, **{f"x{number}": 1 for number in range(50_000)}},
        "counts.train: 3,000 entries": {
            **values,
            "counts": {"train": dict.fromkeys(map(str, range(3_000)), -1)},
        },
        "holds some 4,": {"x": [[]] * 2_100_000},
    }
    for expected, damaged in damages.items():
        (tmp_path / "dataset.json").write_text(json.dumps(damaged, separators=(",", ":")))
        before = time.process_time()
        with pytest.raises(UserError, match=re.escape(expected)) as error:
            load_dataset(tmp_path)
        assert "\n" not in str(error.value)
        assert time.process_time() - before < 2  # 20 to 100 s by a copy for each fault
