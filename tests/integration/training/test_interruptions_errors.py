import shutil
from pathlib import Path

import pytest

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.errors import UserError
from cargan_tf.training.interruptions import check_data, translate_errors, translate_removal
from cargan_tf.training.run import Run


@pytest.fixture
def data(tiny_data, tmp_path):
    return Path(shutil.copytree(tiny_data, tmp_path / "data"))


@pytest.fixture
def from_disk(data, tiny_config):
    """Batches that are read anew in each epoch; one epoch is read already."""
    config = override(tiny_config, ["data.cache=false", "data.freq_mask=0", "data.time_mask=0"])
    batches = iter(training_batches(load_dataset(data), data, config, seed=0))
    for _ in range(6):
        next(batches)
    return batches


def shard_of(data):
    return data / load_dataset(data).shards["train"][-1].name


def read_on(data, batches):
    with translate_errors(data):
        for _ in range(60):
            next(batches)
    check_data(data)


def test_a_full_disk_is_one_line(data):
    def fill():
        with translate_errors(data), Path("/dev/full").open("a") as stream:
            stream.write("line\n")

    with pytest.raises(UserError, match=r"the disk is full: .*continue with --resume"):
        fill()


def test_a_vanished_data_set_is_named(data, from_disk):
    shutil.rmtree(data)
    with pytest.raises(UserError, match=r"changed during training: no prepared data set in .*data"):
        read_on(data, from_disk)


def test_a_vanished_shard_is_named(data, from_disk):
    shard = shard_of(data)
    shard.unlink()
    with pytest.raises(UserError, match=rf"changed during training: .*{shard.name} is missing"):
        read_on(data, from_disk)


def test_a_shard_cut_short_is_named(data, from_disk):
    shard = shard_of(data)
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2 + 3])
    with pytest.raises(UserError, match=rf"changed during training: .*{shard.name} has \d+ bytes"):
        read_on(data, from_disk)


def test_a_shard_with_a_bit_turned_over_is_named(data, from_disk):
    shard = shard_of(data)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged: .*corrupted record"):
        read_on(data, from_disk)


def test_faults_of_the_program_stay_what_they_are(data):
    with pytest.raises(PermissionError), translate_errors(data):
        raise PermissionError(13, "not allowed", "file")
    with pytest.raises(KeyError), translate_errors(data):
        raise KeyError


def test_a_fault_beside_a_run_that_is_still_there_stays_what_it_is(tiny_run, tmp_path):
    with pytest.raises(FileNotFoundError), translate_removal(Run(tiny_run)):
        raise FileNotFoundError
    with pytest.raises(UserError, match="was removed"), translate_removal(Run(tmp_path)):
        raise FileNotFoundError
