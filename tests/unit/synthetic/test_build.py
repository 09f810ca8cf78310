from __future__ import annotations

import json
import wave
from collections import defaultdict
from contextlib import contextmanager

import pytest
from helpers.data_sample import SMALL
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.synthetic import build
from cargan_tf.synthetic.build import make_sample_data
from cargan_tf.synthetic.timbre import PLAYERS


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_another_seed_gives_other_sounds_and_images(small_set, tmp_path):
    make_sample_data(tmp_path / "other", **{**SMALL, "seed": 4}, workers=1)
    mine, theirs = contents(small_set), contents(tmp_path / "other")
    assert not set(mine.values()) & set(theirs.values())


def test_layout_is_that_of_sub_urmp_and_of_the_manifest(small_set, rows):
    assert len(rows) == 2 * 18 * 2
    for row in rows:
        name = f"{row['split']}/{row['label']}/{row['recording']}_{row['start_ms']}"
        assert row["image"] == f"img/{name}.jpg"
        assert row["audio"] == f"chunk/{name}.wav"
    listed = {row[column] for row in rows for column in ("image", "audio")}
    others = {name for name in contents(small_set) if name.startswith("none/")}
    assert set(contents(small_set)) == listed | others | {"manifest.csv", "sample.json"}


def test_of_other_sounds_there_are_as_many_as_of_a_label(small_set):
    counts = {
        split: len(list((small_set / "none" / split).glob("*.wav")))
        for split in ("train", "validation", "test")
    }
    assert counts == {"train": 2 * 6, "validation": 2 * 6, "test": 2 * 6}


def test_sounds_and_images_have_the_promised_format(small_set, rows):
    for row in rows:
        with wave.open(str(small_set / row["audio"])) as sound:
            assert sound.getparams()[:4] == (1, 2, 22_050, 11_025)
        with Image.open(small_set / row["image"]) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))


def test_every_player_is_in_every_split_and_no_recording_in_two(rows):
    players, splits = defaultdict(set), defaultdict(set)
    for row in rows:
        players[row["label"], row["split"]].add(row["player"])
        splits[row["recording"]].add(row["split"])
    assert len(players) == 2 * 3
    assert all(len(found) == PLAYERS for found in players.values())
    assert all(len(found) == 1 for found in splits.values())


def test_a_complete_set_is_left_alone(small_set):
    before = (small_set / "manifest.csv").stat().st_mtime_ns
    assert make_sample_data(small_set, **SMALL) == small_set / "manifest.csv"
    assert (small_set / "manifest.csv").stat().st_mtime_ns == before


def test_a_set_made_otherwise_is_refused(small_set):
    with pytest.raises(UserError, match="other parameters"):
        make_sample_data(small_set, **{**SMALL, "seed": 9})


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="no sample data set"):
        make_sample_data(tmp_path, **SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    out = tmp_path / "empty"
    out.mkdir()
    manifest = make_sample_data(out, **{**SMALL, "clips_per_recording": 1}, workers=1)
    assert manifest.is_file()
    assert json.loads((out / "sample.json").read_text())["clips_per_recording"] == 1


def test_a_fault_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(job):
        raise OSError("disk full")

    monkeypatch.setattr(build, "write_pairs", fail)
    with pytest.raises(OSError, match="disk full"):
        make_sample_data(tmp_path / "set", **SMALL, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_pair(tmp_path):
    class Counter:
        total = 0
        done = 0

        @contextmanager
        def task(self, description, total):
            self.total = total
            yield self

        def advance(self, count=1, note=""):
            self.done += count

    counter = Counter()
    make_sample_data(tmp_path / "set", **SMALL, workers=1, reporter=counter)
    assert counter.done == counter.total == 72


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(UserError, match="workers is 0"):
        make_sample_data(tmp_path / "set", **SMALL, workers=0)
