"""Preprocessing that is interrupted, killed, disturbed or out of room."""

import errno
import os
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from filelock import FileLock
from helpers.data import contents

from cargan_tf.config.loading import override
from cargan_tf.data.preprocessing import shards
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError


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
    assert reporter.messages == ["reusing 1 of 11 finished shards"]
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
