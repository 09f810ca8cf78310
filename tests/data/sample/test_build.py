from __future__ import annotations

import json
import subprocess
import sys
import time
import wave
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.synthetic import build
from cargan_tf.synthetic.build import make_sample_data

from .conftest import SMALL


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(small_set, tmp_path):
    make_sample_data(tmp_path / "again", **SMALL, workers=2)
    assert contents(tmp_path / "again") == contents(small_set)


def test_another_seed_gives_other_sounds_and_pictures(small_set, tmp_path):
    make_sample_data(tmp_path / "other", **{**SMALL, "seed": 4}, workers=1)
    mine, theirs = contents(small_set), contents(tmp_path / "other")
    assert not set(mine.values()) & set(theirs.values())


def test_layout_is_that_of_sub_urmp_and_of_the_manifest(small_set, rows):
    assert len(rows) == 2 * 9 * 2
    for row in rows:
        name = f"{row['split']}/{row['label']}/{row['recording']}_{row['start_ms']}"
        assert row["image"] == f"img/{name}.jpg"
        assert row["audio"] == f"chunk/{name}.wav"
    listed = {row[column] for row in rows for column in ("image", "audio")}
    assert set(contents(small_set)) == listed | {"manifest.csv", "sample.json"}


def test_sounds_and_pictures_have_the_promised_format(small_set, rows):
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
    assert all(len(found) == 3 for found in players.values())
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
    assert counter.done == counter.total == 36


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(UserError, match="workers is 0"):
        make_sample_data(tmp_path / "set", **SMALL, workers=0)


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from cargan_tf.synthetic.build import make_sample_data\n"
        "from cargan_tf.errors import UserError\n"
        "try:\n"
        "    make_sample_data('set', recordings=9, labels=['oboe'], workers=2)\n"
        "except UserError as fault:\n"
        "    print('told:', fault)\n"
    )
    run = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "__main__" in run.stdout


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_killed_it_leaves_no_process_behind(tmp_path):
    program = (
        "import sys; from cargan_tf.synthetic.build import make_sample_data\n"
        "if __name__ == '__main__': make_sample_data(sys.argv[1], workers=2)"
    )
    (tmp_path / "make.py").write_text(program)
    process = subprocess.Popen([sys.executable, tmp_path / "make.py", tmp_path / "set"])
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = _eventually(lambda: [pid for pid in tasks.read_text().split() if _spawned(pid)][1:])
    process.kill()
    process.wait()
    assert _eventually(lambda: not any(map(_spawned, workers)))


def _spawned(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _eventually(ask):
    deadline = time.monotonic() + 60
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
