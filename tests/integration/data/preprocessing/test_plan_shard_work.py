import pytest

from cargan_tf.config.loading import override
from cargan_tf.data.preprocessing.plan import (
    chunks_of,
    do_work,
    finished_shards,
    make_plan,
    write_work,
)
from cargan_tf.data.preprocessing.shards import write_shard
from cargan_tf.data.preprocessing.worker import extract
from cargan_tf.data.sources.detection import find_source


@pytest.fixture(scope="module")
def plan(tiny_source, tiny_config):
    return make_plan(find_source(tiny_source), override(tiny_config, ["data.drop_silent=true"]))


def test_a_file_is_all_it_takes_to_write_a_shard(plan, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    for planned in plan.shards:
        chunks = chunks_of(planned, plan.config, spectrograms=False)
        write_shard(here, planned, plan, map(extract, chunks))
        assert do_work(str(write_work(there, planned, plan))) == planned.name
        assert (there / planned.name).read_bytes() == (here / planned.name).read_bytes()
    assert finished_shards(there, plan) == finished_shards(here, plan)
    assert len(finished_shards(there, plan)) == len(plan.shards)


def test_a_whole_shard_is_left_alone_and_a_damaged_one_made_again(plan, tmp_path, monkeypatch):
    planned = plan.shards[0]
    file = str(write_work(tmp_path, planned, plan))
    do_work(file)
    shard = tmp_path / planned.name
    content = shard.read_bytes()
    with monkeypatch.context() as without_means:
        without_means.setattr("cargan_tf.data.preprocessing.plan.extract", None)
        do_work(file)
    shard.write_bytes(content[:-1])
    do_work(file)
    assert shard.read_bytes() == content
