from dataclasses import replace

import pytest

from cargan_tf.data.dataset import Shard
from cargan_tf.data.pairs import Skipped, Source
from cargan_tf.data.preprocessing.plan import (
    Plan,
    PlannedShard,
    ShardReport,
    clear,
    finished_shards,
    remove_reports,
    write_report,
)
from cargan_tf.utils.files import file_hash

NAMES = ("train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord")


@pytest.fixture
def plan(tmp_path, config):
    shards = tuple(PlannedShard(name, "train", ()) for name in NAMES)
    return Plan(Source((), (), tmp_path, "sub-urmp"), config, ("cello",), shards, (), "this plan")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def finish(folder, plan):
    """Makes a shard and its report; gives the report."""

    def finish(name, content=b"records"):
        (folder / name).write_bytes(content)
        report = ShardReport(
            plan=plan.digest,
            split="train",
            shard=Shard(name=name, records=3, bytes=len(content), sha256=file_hash(folder / name)),
            counts={"cello": 3},
            silent={"cello": 1},
            noise_like={"cello": 0},
            padded={"cello": 2},
            dropped_silent={},
            recordings={"cello": ("cello00", "cello01")},
            players={"cello": ("Élise",)},
            skipped=(Skipped("train/cello/cello00/0", "is not an image"),),
            bands={"count": 3, "mean": [-40.5], "deviations": [1 / 3]},
        )
        write_report(folder, report)
        return report

    return finish


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_finished_shards_come_back_with_their_whole_reports(folder, plan, finish):
    reports = {name: finish(name) for name in NAMES}
    assert finished_shards(folder, plan) == reports


def test_what_is_not_yet_finished_is_not_found(folder, plan, finish):
    finish(NAMES[1])
    assert set(finished_shards(folder, plan)) == {NAMES[1]}


def test_an_empty_folder_holds_no_finished_shards(folder, plan):
    assert finished_shards(folder, plan) == {}


def test_a_shard_of_another_plan_is_not_taken_up(folder, plan, finish):
    finish(NAMES[0])
    assert finished_shards(folder, replace(plan, digest="another plan")) == {}


def test_a_shard_that_is_not_planned_is_not_taken_up(folder, plan, finish):
    finish("train-00007-of-00009.tfrecord")
    assert finished_shards(folder, plan) == {}


@pytest.mark.parametrize("content", [b"", b"record", b"recordz", b"records, and more"])
def test_a_damaged_shard_is_not_taken_up(folder, plan, finish, content):
    finish(NAMES[0])
    (folder / NAMES[0]).write_bytes(content)
    assert finished_shards(folder, plan) == {}


def test_a_report_without_its_shard_is_not_taken_up(folder, plan, finish):
    finish(NAMES[0])
    (folder / NAMES[0]).unlink()
    assert finished_shards(folder, plan) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"plan": "this plan"}', b"\xff\xfe"])
def test_a_damaged_report_is_not_taken_up(folder, plan, finish, content):
    finish(NAMES[0])
    (report,) = names(folder) - {NAMES[0]}
    (folder / report).write_bytes(content)
    assert finished_shards(folder, plan) == {}


def test_clearing_keeps_finished_shards_their_reports_and_one_more_file(folder, plan, finish):
    kept = {NAMES[0]: finish(NAMES[0])}
    (folder / ".lock").touch()
    before = names(folder)
    finish(NAMES[1])
    (folder / ".x.unfinished").touch()
    clear(folder, kept, keep_file=".lock")
    assert names(folder) == before
    assert finished_shards(folder, plan) == kept


def test_clearing_with_nothing_to_keep_leaves_the_one_file(folder, finish):
    finish(NAMES[0])
    (folder / ".lock").touch()
    clear(folder, {}, keep_file=".lock")
    assert names(folder) == {".lock"}


def test_only_the_reports_of_a_finished_data_set_are_removed(folder, finish):
    (folder / "dataset.json").touch()
    for name in NAMES:
        finish(name)
    remove_reports(folder)
    assert names(folder) == {"dataset.json", *NAMES}
