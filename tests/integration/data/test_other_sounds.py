import numpy as np
import pytest
import soundfile

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.other_sounds import find_other_sounds, read_other_sounds, write_other_sounds
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError


def write_noise(path, seconds, rate, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    soundfile.write(path, noise, rate)
    return noise


def test_folders_of_splits_hold_and_others_are_dealt_out(tmp_path, config):
    config = override(config, ["data.validation_fraction=0.2", "data.test_fraction=0.2"])
    rate = config.audio.sample_rate
    write_noise(tmp_path / "none" / "test" / "door.wav", 1, rate)
    for number in range(10):
        write_noise(tmp_path / "none" / f"street{number}.wav", 1, rate)
    (tmp_path / "none" / "readme.txt").write_text("mine")
    found = find_other_sounds(tmp_path, config)
    assert {split: len(files) for split, files in found.items()} == {
        "train": 6,
        "validation": 2,
        "test": 3,
    }
    assert find_other_sounds(tmp_path, config) == found
    assert find_other_sounds(tmp_path / "none", config) == {}


def test_clips_are_written_and_read_and_silence_is_not(tmp_path, config):
    rate, samples = config.audio.sample_rate, config.audio.clip_samples
    noise = write_noise(tmp_path / "long.wav", 3 * samples / rate, rate)
    soundfile.write(tmp_path / "silent.wav", np.zeros(rate), rate)
    (tmp_path / "broken.wav").write_text("no sound")
    files = [tmp_path / name for name in ("long.wav", "silent.wav", "broken.wav")]
    shards, skipped = write_other_sounds({"train": files}, tmp_path, config)
    assert shards["train"].records == 3
    (one,) = skipped
    assert one.what == "none/train/broken.wav"

    class Dataset:
        pass

    Dataset.config, Dataset.other_sounds = config, shards
    read = read_other_sounds(Dataset, tmp_path, "train")
    assert read.shape == (3, samples)
    np.testing.assert_allclose(read.reshape(-1) / 32_767, noise[: 3 * samples], atol=1e-4)
    assert read_other_sounds(Dataset, tmp_path, "test").shape == (0, samples)


def test_a_data_set_holds_them_and_a_changed_file_makes_another_plan(tree, tmp_path, config):
    rate = config.audio.sample_rate
    write_noise(tree / "none" / "train" / "street.wav", 1, rate)
    info = preprocess(tree, tmp_path / "data", config, workers=1)
    assert info.other_sounds["train"].records == 2
    assert load_dataset(tmp_path / "data").other_sounds == info.other_sounds
    write_noise(tree / "none" / "train" / "street.wav", 2, rate, seed=1)
    with pytest.raises(UserError, match="holds another data set"):
        preprocess(tree, tmp_path / "data", config, workers=1)
    (tmp_path / "data" / "none-train.tfrecord").unlink()
    with pytest.raises(UserError, match=r"none-train.tfrecord is missing"):
        load_dataset(tmp_path / "data")


def test_links_out_of_the_source_are_skipped_by_name(tmp_path, tmp_path_factory, config):
    outside = tmp_path_factory.mktemp("mine")
    write_noise(outside / "a.wav", 1, config.audio.sample_rate)
    write_noise(tmp_path / "none" / "b.wav", 1, config.audio.sample_rate)
    (tmp_path / "none" / "a.wav").symlink_to(outside / "a.wav")
    (tmp_path / "none" / "more").symlink_to(outside)
    skipped = []
    found = find_other_sounds(tmp_path, config, lambda what, why: skipped.append(what))
    assert [path.name for files in found.values() for path in files] == ["b.wav"]
    assert sorted(skipped) == ["none/a.wav", "none/more"]
