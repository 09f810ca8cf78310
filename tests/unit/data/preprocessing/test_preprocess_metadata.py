from dataclasses import replace

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.data.dataset import DatasetInfo, Shard
from cargan_tf.data.pairs import Pair, Skipped, Source
from cargan_tf.data.preprocessing.plan import Plan, ShardReport
from cargan_tf.data.preprocessing.preprocess import build_metadata

STATISTICS = BandStatistics(mean=(-40.0, -50.0), std=(9.0, 8.0))
NUMBERS = ("counts", "silent", "noise_like", "padded", "dropped_silent")


@pytest.fixture
def plan(tmp_path, config):
    source = Source((), (), tmp_path, "sub-urmp", notes=("a note",))
    return Plan(source, config, ("cello", "flute"), (), (), "this plan")


def report(split, number, **content):
    shard = Shard(name=f"{split}-{number}.tfrecord", records=2, bytes=9, sha256="0")
    nothing = {**{name: {} for name in NUMBERS}, "recordings": {}, "players": {}, "skipped": ()}
    nothing["bands"] = {}
    return ShardReport(plan="this plan", split=split, shard=shard, **{**nothing, **content})


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_added_up_by_split_and_label(plan, name):
    reports = [
        report("train", 0, **{name: {"cello": 2, "flute": 1}}),
        report("train", 1, **{name: {"cello": 3}}),
        report("test", 0, **{name: {"flute": 4}}),
    ]
    assert getattr(build_metadata(plan, reports, STATISTICS), name) == {
        "train": {"cello": 5, "flute": 1},
        "test": {"cello": 0, "flute": 4},
    }


def test_only_splits_that_have_shards_are_named_in_the_order_of_work(plan):
    reports = [report("test", 0), report("train", 0)]
    info = build_metadata(plan, reports, STATISTICS)
    assert list(info.shards) == list(info.counts) == list(info.recordings) == ["train", "test"]
    assert info.held_out_split == "test"


def test_shards_keep_their_order(plan):
    reports = [report("train", number) for number in (2, 0, 1)]
    info = build_metadata(plan, reports, STATISTICS)
    assert info.shards == {"train": tuple(one.shard for one in reports)}
    assert info.records("train") == 6


def test_a_recording_in_several_shards_is_named_once(plan):
    reports = [
        report("train", 0, recordings={"flute": ("flute01",), "cello": ("cello00",)}),
        report("train", 1, recordings={"flute": ("flute00", "flute01")}),
        report("test", 0, recordings={"flute": ("flute07",)}),
    ]
    assert build_metadata(plan, reports, STATISTICS).recordings == {
        "train": {"cello": ("cello00",), "flute": ("flute00", "flute01")},
        "test": {"flute": ("flute07",)},
    }


def test_players_of_all_splits_are_named_once(plan):
    reports = [
        report("train", 0, players={"flute": ("Bo", "Cy"), "cello": ("Cy",)}),
        report("test", 0, players={"flute": ("Al", "Bo")}),
    ]
    assert build_metadata(plan, reports, STATISTICS).players == {
        "cello": ("Cy",),
        "flute": ("Al", "Bo", "Cy"),
    }


def test_all_that_was_left_out_is_named_planned_first(plan):
    first, second, third = (Skipped(f"train/cello/cello00/{n}", "why") for n in range(3))
    reports = [report("train", 0, skipped=(second,)), report("test", 0, skipped=(third,))]
    info = build_metadata(replace(plan, skipped=(first,)), reports, STATISTICS)
    assert info.skipped == (first, second, third)


def test_recordings_in_two_splits_are_owned_up_to(plan, tmp_path):
    pairs = tuple(
        Pair(split, "cello", name, 0, tmp_path / "a.wav", tmp_path / "a.jpg")
        for split, name in (("train", "cello00"), ("train", "cello01"), ("test", "cello01"))
    )
    mixed = replace(plan, source=replace(plan.source, pairs=pairs))
    info = build_metadata(mixed, [report("train", 0)], STATISTICS)
    assert info.shared_recordings == ("cello/cello01",)


def test_it_says_what_it_was_made_from(plan, config, tmp_path):
    info = build_metadata(plan, [report("train", 0)], STATISTICS)
    assert (info.source, info.source_kind) == (str(tmp_path), "sub-urmp")
    assert (info.plan, info.notes) == ("this plan", ("a note",))
    assert (info.config, info.statistics) == (config, STATISTICS)


def test_it_survives_json(plan):
    content = {
        "counts": {"cello": 2},
        "players": {"cello": ("Élise",)},
        "skipped": (Skipped("a", "b"),),
    }
    info = build_metadata(plan, [report("train", 0, **content)], STATISTICS)
    assert DatasetInfo.model_validate_json(info.model_dump_json()) == info


def test_of_many_skipped_and_repaired_the_first_are_named_and_all_counted(plan, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess.MAX_NAMED", 2)
    items = tuple(Skipped(f"train/{number}", "why") for number in range(5))
    info = build_metadata(plan, [report("train", 0, skipped=items, mended=items[:2])], STATISTICS)
    assert info.skipped == info.mended == items[:2]
    assert info.notes == ("a note", "5 items were skipped; the first 2 are named")
