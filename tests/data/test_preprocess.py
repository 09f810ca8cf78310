import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from filelock import FileLock

from cargan_tf.audio.statistics import MIN_SPREAD_DB
from cargan_tf.config.loading import override
from cargan_tf.data import shards
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.preprocess import preprocess
from cargan_tf.data.records import parse
from cargan_tf.errors import UserError


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def all_log_mels(dataset, path, split):
    files = [str(path / shard.name) for shard in dataset.shards[split]]
    records = tf.data.TFRecordDataset(files).batch(1000).get_single_element()
    return parse(records, 16, 17, 32)["log_mel"].numpy()


def test_statistics_are_numpys_over_the_training_split(dataset, dataset_path):
    log_mels = all_log_mels(dataset, dataset_path, "train").astype(np.float64)
    spread = np.maximum(log_mels.std(axis=(0, 2)), MIN_SPREAD_DB)
    np.testing.assert_allclose(dataset.statistics.mean, log_mels.mean(axis=(0, 2)), rtol=1e-9)
    np.testing.assert_allclose(dataset.statistics.spread, spread, rtol=1e-9)


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
    monkeypatch.setattr("cargan_tf.data.preprocess._make", None)
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
    (tree / "img/train/cello/cello00_500.jpg").write_bytes(b"no picture")
    (tree / "chunk/test/flute/flute03_0.wav").write_bytes(b"no sound")
    (tree / "img/train/violin/violin00_0.jpg").unlink()
    info = preprocess(tree, tmp_path / "out", config, workers=1)
    assert info.counts["train"] == {"cello": 7, "flute": 8, "violin": 7}
    assert info.counts["test"]["flute"] == 3
    reasons = {item.what: item.why for item in info.left_out}
    assert set(reasons) == {
        "chunk/train/violin/violin00_0.wav",
        "train/cello/cello00/500",
        "test/flute/flute03/0",
    }
    assert "is not a picture" in reasons["train/cello/cello00/500"]


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
    for picture in tree.glob("img/train/*/*.jpg"):
        picture.write_bytes(b"no picture")
    with pytest.raises(
        UserError, match=r"not one of the 24 training pairs .* can be read \(train/"
    ):
        preprocess(tree, tmp_path / "out", config, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["Sub-URMP"]


class DyingReporter:
    """Raises, or kills the process, after some pairs."""

    def __init__(self, pairs, die):
        self.pairs, self.die, self.messages = pairs, die, []

    @contextmanager
    def task(self, description, total):
        yield self

    def advance(self, count=1, note=""):
        self.pairs -= count
        if self.pairs <= 0:
            self.die()

    def message(self, text):
        self.messages.append(text)


def interrupt():
    raise KeyboardInterrupt


def test_an_interrupted_run_is_taken_up(tree, tmp_path, config):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        preprocess(tree, out, config, workers=1, reporter=DyingReporter(12, interrupt))
    assert not out.exists()
    work = tmp_path / ".out.partial"
    finished = {path.name: path.stat() for path in work.glob("*.tfrecord")}
    assert len(finished) == 2
    assert not list(work.glob("*unfinished"))
    # a shard that was damaged meanwhile is made again
    damaged = sorted(work.glob("*.tfrecord"))[1]
    damaged.write_bytes(bytes(damaged.stat().st_size))
    reporter = DyingReporter(10**9, interrupt)
    preprocess(tree, out, config, workers=1, reporter=reporter)
    assert reporter.messages == ["taking up 1 of 11 shards from before"]
    assert not work.exists()
    preprocess(tree, tmp_path / "straight", config, workers=1)
    assert contents(out) == contents(tmp_path / "straight")


def test_shards_of_another_plan_are_not_taken_up(tree, tmp_path, config):
    with pytest.raises(KeyboardInterrupt):
        preprocess(tree, tmp_path / "out", config, workers=1, reporter=DyingReporter(12, interrupt))
    other = override(config, ["data.records_per_shard=7"])
    reporter = DyingReporter(10**9, interrupt)
    info = preprocess(tree, tmp_path / "out", other, workers=1, reporter=reporter)
    assert reporter.messages == []
    names = {shard.name for shards in info.shards.values() for shard in shards}
    assert set(contents(tmp_path / "out")) == {*names, "dataset.json"}


def test_files_that_change_while_they_are_read(tree, tmp_path, config):
    sound = tree / "chunk/test/violin/violin03_0.wav"

    def rewrite():
        soundfile.write(sound, np.full(4_000, 0.2), 8_000)

    with pytest.raises(UserError, match="changed while they were read: run the same command"):
        preprocess(tree, tmp_path / "out", config, workers=1, reporter=DyingReporter(48, rewrite))
    assert not (tmp_path / "out").exists()
    # the next run takes up nothing of the mixture
    reporter = DyingReporter(10**9, interrupt)
    preprocess(tree, tmp_path / "out", config, workers=1, reporter=reporter)
    assert reporter.messages == []
    preprocess(tree, tmp_path / "straight", config, workers=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "straight")


KILLED = """
import multiprocessing, os, signal, sys
from pathlib import Path
from cargan_tf.config.loading import config_from_json
from cargan_tf.data.preprocess import preprocess
import json

class Killer:
    def __init__(self): self.pairs = 0
    def task(self, description, total): return self
    def __enter__(self): return self
    def __exit__(self, *exception): pass
    def advance(self, count=1, note=""):
        self.pairs += count
        if self.pairs > 17:
            Path(sys.argv[4]).write_text(
                " ".join(str(child.pid) for child in multiprocessing.active_children()))
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    config = config_from_json(json.loads(sys.argv[3]), "test")
    preprocess(Path(sys.argv[1]), Path(sys.argv[2]), config, workers=2, reporter=Killer())
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes by /proc")
def test_a_killed_run_leaves_no_data_set_and_no_process(
    pristine_tree, dataset_path, tmp_path, config
):
    (tmp_path / "killed.py").write_text(KILLED)
    pids = tmp_path / "pids"
    killed = subprocess.run(
        [
            *(sys.executable, tmp_path / "killed.py", pristine_tree, tmp_path / "out"),
            *(config.model_dump_json(), pids),
        ],
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "out").exists()
    workers = [int(pid) for pid in pids.read_text().split()]
    assert len(workers) == 2
    until = time.monotonic() + 20
    while any(is_running(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(is_running(pid) for pid in workers)
    preprocess(pristine_tree, tmp_path / "out", config, workers=1)
    assert contents(tmp_path / "out") == contents(dataset_path)


def test_two_processes_at_once(tree, tmp_path, config):
    work = tmp_path / ".out.partial"
    work.mkdir()
    with (
        FileLock(work / ".lock"),
        pytest.raises(UserError, match="another process is preparing"),
    ):
        preprocess(tree, tmp_path / "out", config, workers=1)


def test_a_full_disk_loses_nothing_finished(tree, tmp_path, config, monkeypatch):
    straight = preprocess(tree, tmp_path / "straight", config, workers=1)
    flush, calls = shards._flush_to_disk, []

    def full(path):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path)

    monkeypatch.setattr(shards, "_flush_to_disk", full)
    with pytest.raises(UserError, match=r"the disk that holds .* is full: free some space") as it:
        preprocess(tree, tmp_path / "out", config, workers=1)
    assert "\n" not in str(it.value)
    assert len(list((tmp_path / ".out.partial").glob("*.tfrecord"))) == 2
    assert preprocess(tree, tmp_path / "out", config, workers=1) == straight
    assert len(calls) == 3 + 9


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_tensorflows_own_report_of_a_full_disk_is_understood():
    def write():
        with shards._full_disk_as_os_error(), tf.io.TFRecordWriter("/dev/full") as writer:
            for _ in range(10):
                writer.write(bytes(100_000))

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC


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
    assert info.players == ("Ann", "Bo")
    assert info.source_kind == "manifest"
    loudness = np.sort(all_log_mels(info, tmp_path / "out", "train").max(axis=(1, 2)))
    assert np.diff(loudness).min() > 3  # three different places of the one recording


def test_workers_must_be_positive(tree, tmp_path, config):
    with pytest.raises(UserError, match="workers must be 1 or more"):
        preprocess(tree, tmp_path / "out", config, workers=0)
