import hashlib

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from helpers.data import contents

from cargan_tf.audio.normalization import MIN_STD_DB
from cargan_tf.config.loading import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.data.records import parse
from cargan_tf.errors import UserError


def all_log_mels(dataset, path, split):
    files = [str(path / shard.name) for shard in dataset.shards[split]]
    records = tf.data.TFRecordDataset(files).batch(1000).get_single_element()
    return parse(records, 16, 17, 32)["log_mel"].numpy()


def test_statistics_are_numpys_over_the_training_split(dataset, dataset_path):
    log_mels = all_log_mels(dataset, dataset_path, "train").astype(np.float64)
    std = np.maximum(log_mels.std(axis=(0, 2)), MIN_STD_DB)
    np.testing.assert_allclose(dataset.statistics.mean, log_mels.mean(axis=(0, 2)), rtol=1e-9)
    np.testing.assert_allclose(dataset.statistics.std, std, rtol=1e-9)


def test_nothing_but_shards_and_the_description_stays(dataset, dataset_path):
    names = {shard.name for shards in dataset.shards.values() for shard in shards}
    assert {path.name for path in dataset_path.iterdir()} == {*names, "dataset.json"}
    assert [path.name for path in dataset_path.parent.iterdir()] == ["dataset"]
    for shard in dataset.shards["train"]:
        content = (dataset_path / shard.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard.sha256


def test_any_number_of_workers_gives_the_same_bytes(pristine_tree, tmp_path, config, dataset_path):
    preprocess(pristine_tree, tmp_path / "two", config, workers=2)
    assert contents(tmp_path / "two") == contents(dataset_path)


def test_made_twice_is_made_once(pristine_tree, config, dataset, dataset_path, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess._make", None)
    assert preprocess(pristine_tree, dataset_path, config) == dataset


def test_another_data_set_is_not_overwritten(pristine_tree, config, dataset_path, tmp_path):
    before = contents(dataset_path)
    with pytest.raises(UserError, match=r"another data set .*delete it first"):
        preprocess(pristine_tree, dataset_path, override(config, ["audio.n_mels=20"]))
    assert contents(dataset_path) == before
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/to_mother.txt").touch()
    with pytest.raises(UserError, match="is not a data set: choose another folder"):
        preprocess(pristine_tree, tmp_path / "letters", config)


def test_unreadable_files_are_left_out_by_name(tree, tmp_path, config):
    (tree / "img/train/cello/cello00_500.jpg").write_bytes(b"no image")
    (tree / "chunk/test/flute/flute03_0.wav").write_bytes(b"no sound")
    (tree / "img/train/violin/violin00_0.jpg").unlink()
    info = preprocess(tree, tmp_path / "out", config, workers=1)
    assert info.counts["train"] == {"cello": 7, "flute": 8, "violin": 7}
    assert info.counts["test"]["flute"] == 3
    reasons = {item.what: item.why for item in info.skipped}
    assert set(reasons) == {
        "chunk/train/violin/violin00_0.wav",
        "train/cello/cello00/500",
        "test/flute/flute03/0",
    }
    assert "is not an image" in reasons["train/cello/cello00/500"]


def test_silence_and_noise_are_kept_and_counted(tree, tmp_path, config):
    soundfile.write(tree / "chunk/train/cello/cello00_0.wav", np.zeros(4_000), 8_000)
    noise = 0.2 * np.random.default_rng(0).normal(size=4_000)
    soundfile.write(tree / "chunk/test/violin/violin03_0.wav", noise, 8_000)
    soundfile.write(tree / "chunk/test/flute/flute03_0.wav", np.full(900, 0.2), 8_000)
    info = preprocess(tree, tmp_path / "out", config, workers=1)
    assert info.silent["train"] == {"cello": 1, "flute": 0, "violin": 0}
    assert info.noise_like["test"]["violin"] == 1
    assert info.padded["test"]["flute"] == 1
    assert info.records("train") == 24


def test_all_training_pairs_unreadable(tree, tmp_path, config):
    for image in tree.glob("img/train/*/*.jpg"):
        image.write_bytes(b"no image")
    with pytest.raises(
        UserError, match=r"not one of the 24 training pairs .* can be read \(train/"
    ):
        preprocess(tree, tmp_path / "out", config, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["Sub-URMP"]


def test_a_folder_that_cannot_be_written(tree, tmp_path, config):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        preprocess(tree, tmp_path / "file" / "out", config, workers=1)


def test_an_empty_folder_may_be_filled(tree, tmp_path, config):
    (tmp_path / "out").mkdir()
    preprocess(tree, tmp_path / "out", config, workers=1)
    assert load_dataset(tmp_path / "out").records("train") == 24


def test_players_and_offsets_of_a_manifest(tmp_path, tree, config):
    seconds = 12
    tone = 0.3 * np.sin(np.arange(seconds * 8_000) * 0.3) * np.linspace(0, 1, seconds * 8_000)
    soundfile.write(tree / "long.wav", tone, 8_000)
    image = "img/train/cello/cello00_0.jpg"
    rows = [
        f"train,cello,r1,{start},long.wav,{image},{player},{start}"
        for start, player in ((500, "Ann"), (6_000, "Bo"), (11_000, ""))
    ]
    header = "split,label,recording,start_ms,audio,image,player,offset_ms"
    (tree / "manifest.csv").write_text("\n".join([header, *rows]))
    info = preprocess(tree, tmp_path / "out", config, workers=1)
    assert info.players == {"cello": ("Ann", "Bo")}
    assert info.source_kind == "manifest"
    loudness = np.sort(all_log_mels(info, tmp_path / "out", "train").max(axis=(1, 2)))
    assert np.diff(loudness).min() > 3  # three different places of the one recording


def test_workers_must_be_positive(tree, tmp_path, config):
    with pytest.raises(UserError, match="workers must be 1 or more"):
        preprocess(tree, tmp_path / "out", config, workers=0)
