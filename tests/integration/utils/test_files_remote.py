"""``ram://`` is a file system of TensorFlow in memory: what works there goes through TensorFlow."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run
from cargan_tf.utils.files import RemotePath, check_local, is_remote, to_path, write_atomically


@pytest.fixture
def position(request):
    """A folder in memory, of this test alone."""
    position = to_path(f"ram://{request.node.name}")
    position.mkdir()
    return position


def copied(folder, position):
    """Everything in a folder on the disk, below ``position``; TensorFlow alone does it."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = f"{position}/{file.relative_to(folder).as_posix()}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        tf.io.gfile.copy(str(file), target)
    return position


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_paths_keep_their_scheme():
    path = to_path("gs://bucket/data/a.wav")
    assert str(path) == "gs://bucket/data/a.wav"
    assert str(path.parent / "b.wav") == "gs://bucket/data/b.wav"
    assert str(to_path(Path("gs://bucket/data"))) == "gs://bucket/data"  # which pathlib spoils
    assert str((path / "../../x").resolve()) == "gs://bucket/x"
    assert path.relative_to(to_path("gs://bucket")).as_posix() == "data/a.wav"
    assert isinstance(pickle.loads(pickle.dumps(path)), RemotePath)
    assert not any(map(is_remote, ("data", "/data", "a:b/c", "C:/data", "-")))


def test_files_are_tensorflows(position):
    file = position / "folder/letters.txt"
    file.parent.mkdir(parents=True)
    write_atomically(file, "größer".encode())
    assert tf.io.gfile.GFile(str(file)).read() == "größer"
    assert file.read_text("utf-8") == "größer"
    assert file.stat().st_size == 8
    assert (file.is_file(), file.is_dir(), position.is_dir()) == (True, False, True)
    assert list(position.rglob("*.txt")) == [file]
    renamed = file.replace(position / "other.txt")
    assert (file.exists(), renamed.exists()) == (False, True)
    renamed.unlink()
    renamed.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match="ram://"):
        renamed.read_bytes()


def test_a_scheme_that_tensorflow_does_not_know_is_one_line():
    with pytest.raises(UserError, match=r"cannot reach nowhere://a/b/dataset\.json"):
        load_dataset(to_path("nowhere://a/b"))
    with pytest.raises(UserError, match="no prepared data set in ram://nothing"):
        load_dataset(to_path("ram://nothing"))


def test_a_run_is_kept_on_a_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"a run's directory must be on a local disk, received gs://b/run"
    ):
        Run(Path("gs://b/run")).locked().__enter__()
    check_local(tmp_path, "it")
    assert not list(tmp_path.iterdir())


def test_a_data_set_is_made_and_read_there(tiny_source, tiny_data, tiny_config, position):
    info = preprocess(tiny_source, position / "data", tiny_config, workers=1)
    assert contents(position / "data") == contents(tiny_data)
    assert (
        preprocess(tiny_source, position / "data", tiny_config) == info == load_dataset(tiny_data)
    )
    here, there = (
        next(iter(training_batches(info, path, tiny_config, seed=3)))
        for path in (tiny_data, position / "data")
    )
    for name, values in here.items():
        np.testing.assert_array_equal(values, there[name])


def test_a_stopped_call_goes_on_there(tiny_source, tiny_data, tiny_config, position):
    data = position / "data"
    preprocess(tiny_source, data, tiny_config, workers=1)
    (data / "dataset.json").unlink()
    (data / ".train-00000-of-00003.tfrecord.1.unfinished").write_bytes(b"left by a kill")
    preprocess(tiny_source, data, tiny_config, workers=1)
    assert contents(data) == contents(tiny_data)
    (data / "dataset.json").unlink()
    (data / "letters.txt").write_bytes(b"not ours")
    with pytest.raises(UserError, match="is not a data set"):
        preprocess(tiny_source, data, tiny_config, workers=1)


def test_sounds_and_images_are_read_there(tiny_source, tiny_config, position, tmp_path):
    source = shutil.copytree(tiny_source, tmp_path / "source")
    (source / "cello_0_train_0.wav").write_bytes(b"no sound")
    (source / "cello_0_train_1.png").write_bytes(b"no image")
    copied(source, position)
    preprocess(position, tmp_path / "remote", tiny_config, workers=1)
    preprocess(source, tmp_path / "local", tiny_config, workers=1)
    remote, local = (contents(tmp_path / name) for name in ("remote", "local"))
    described = [load_dataset(tmp_path / name) for name in ("remote", "local")]
    assert {**remote, "dataset.json": b""} == {**local, "dataset.json": b""}
    whats = [[item.what for item in info.skipped] for info in described]
    assert whats[0] == whats[1]
    assert len(whats[0]) == 2
    assert all(str(position) in item.why and "0x" not in item.why for item in described[0].skipped)
