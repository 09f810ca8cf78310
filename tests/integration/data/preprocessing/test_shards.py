import errno
import os

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.normalization import MIN_STD_DB
from cargan_tf.audio.quality import ClipQuality
from cargan_tf.data.pairs import Pair, Skipped, Source
from cargan_tf.data.preprocessing.plan import Plan, PlannedShard, finished_shards
from cargan_tf.data.preprocessing.shards import band_statistics, write_shard
from cargan_tf.data.preprocessing.worker import ExtractedPairs
from cargan_tf.data.records import parse, read_records
from cargan_tf.utils.files import file_hash

PLANNED = PlannedShard("train-00000-of-00001.tfrecord", "train", ())
SIZE = 8


def pair(number, label="cello", player=""):
    name = f"{label}0{number % 2}"
    return Pair("train", label, name, 500 * number, f"{name}.wav", f"{name}.jpg", player)


def quality(silent=False, noise_like=False):
    return ClipQuality(-20.0, 0.1, silent=silent, noise_like=noise_like)


@pytest.fixture
def plan(tmp_path, config):
    source = Source((), (), tmp_path, "sub-urmp")
    return Plan(source, config, ("cello", "flute"), (PLANNED,), (), "this plan")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def chunk(config):
    """Makes a chunk of random content."""

    def chunk(*pairs, seed=0, **changes):
        random = np.random.default_rng(seed)
        content = {
            "pairs": pairs,
            "log_mels": random.normal(-40, 9, (len(pairs), 16, config.audio.frames)),
            "waveforms": random.integers(-9, 9, (len(pairs), 8), np.int16),
            "photos": random.integers(0, 256, (len(pairs), SIZE, SIZE, 3), np.uint8),
            "qualities": (quality(),) * len(pairs),
            "padded": frozenset(),
            "dropped": (),
            "skipped": (),
        }
        content["log_mels"] = content["log_mels"].astype(np.float32)
        return ExtractedPairs(**{**content, **changes})

    return chunk


def test_records_hold_what_was_extracted_in_order(folder, plan, chunk, config):
    chunks = [chunk(pair(0), pair(1, "flute", "Ann"), seed=1), chunk(pair(2), seed=2)]
    write_shard(folder, PLANNED, plan, chunks)
    records = read_records([str(folder / PLANNED.name)]).batch(9).get_single_element()
    read = parse(records, 16, config.audio.frames, SIZE)
    ids = [b"cello/cello00/0", b"flute/flute01/500", b"cello/cello00/1000"]
    assert read["id"].numpy().tolist() == ids
    assert read["label"].numpy().tolist() == [0, 1, 0]
    assert read["player"].numpy().tolist() == [b"", b"Ann", b""]
    np.testing.assert_array_equal(read["log_mel"], np.concatenate([c.log_mels for c in chunks]))
    np.testing.assert_array_equal(read["photo"], np.concatenate([c.photos for c in chunks]))


def test_the_report_counts_by_label(folder, plan, chunk):
    pairs = (pair(0, player="Bo"), pair(1), pair(2, "flute", "Al"), pair(4, "flute", "Al"))
    dropped, skipped = pair(5, "flute"), Skipped("train/flute/flute01/2500", "silent")
    full = chunk(
        *pairs,
        qualities=(quality(silent=True), quality(), quality(noise_like=True), quality()),
        padded=frozenset({pairs[1].id}),
        dropped=(dropped,),
        skipped=(skipped,),
    )
    report = write_shard(folder, PLANNED, plan, [full])
    assert report.counts == {"cello": 2, "flute": 2}
    assert report.silent == {"cello": 1, "flute": 0}
    assert report.noise_like == {"cello": 0, "flute": 1}
    assert report.padded == {"cello": 1, "flute": 0}
    assert report.dropped_silent == {"flute": 1}
    assert report.recordings == {"cello": ("cello00", "cello01"), "flute": ("flute00",)}
    assert report.players == {"cello": ("Bo",), "flute": ("Al",)}
    assert report.skipped == (skipped,)


def test_the_report_describes_the_file_and_lets_it_be_taken_up(folder, plan, chunk):
    report = write_shard(folder, PLANNED, plan, [chunk(pair(0), pair(1))])
    file = folder / PLANNED.name
    assert (report.shard.name, report.shard.records) == (PLANNED.name, 2)
    assert (report.shard.bytes, report.shard.sha256) == (file.stat().st_size, file_hash(file))
    assert finished_shards(folder, plan) == {PLANNED.name: report}


def test_chunks_do_not_show_in_the_bytes(tmp_path, plan, chunk):
    whole = chunk(pair(0), pair(1))
    parts = [
        chunk(
            one,
            log_mels=whole.log_mels[[row]],
            waveforms=whole.waveforms[[row]],
            photos=whole.photos[[row]],
        )
        for row, one in enumerate(whole.pairs)
    ]
    reports = []
    for name, chunks in (("a", [whole]), ("b", parts)):
        (tmp_path / name).mkdir()
        reports.append(write_shard(tmp_path / name, PLANNED, plan, chunks))
    assert reports[0] == reports[1]


def test_the_name_is_not_there_before_the_shard_is_whole(folder, plan, chunk):
    seen = []

    def chunks():
        for number in range(3):
            yield chunk(pair(number))
            seen.append((folder / PLANNED.name).exists())

    write_shard(folder, PLANNED, plan, chunks())
    assert seen == [False] * 3
    assert (folder / PLANNED.name).exists()


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "disk"), ValueError("worker"), KeyboardInterrupt()]
)
def test_what_breaks_off_leaves_nothing(folder, plan, chunk, error):
    def chunks():
        yield chunk(pair(0))
        raise error

    with pytest.raises(type(error)):
        write_shard(folder, PLANNED, plan, chunks())
    assert os.listdir(folder) == []


def test_a_full_disk_in_tensorflow_is_an_os_error(folder, plan, chunk):
    def chunks():
        yield chunk(pair(0))
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        write_shard(folder, PLANNED, plan, chunks())
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(folder) == []


def test_a_shard_whose_pairs_all_fell_away_is_empty_and_whole(folder, plan, chunk):
    skipped = (Skipped("train/cello/cello00/0", "is not an image"),)
    report = write_shard(folder, PLANNED, plan, [chunk(skipped=skipped)])
    assert (report.shard.records, report.shard.bytes) == (0, 0)
    assert finished_shards(folder, plan) == {PLANNED.name: report}


def test_statistics_are_over_all_records_of_all_shards(folder, plan, chunk, config):
    chunks = [chunk(*map(pair, range(count)), seed=count) for count in (2, 5)]
    reports = []
    for number, one in enumerate(chunks):
        planned = PlannedShard(f"train-{number}.tfrecord", "train", ())
        reports.append(write_shard(folder, planned, plan, [one]))
    statistics = band_statistics(reports, config.audio)
    values = np.concatenate([one.log_mels for one in chunks]).astype(np.float64)
    np.testing.assert_allclose(statistics.mean, values.mean((0, 2)))
    np.testing.assert_allclose(statistics.std, values.std((0, 2)))


def test_a_band_that_never_changes_keeps_the_least_spread(folder, plan, chunk, config):
    still = np.full((1, 16, config.audio.frames), -80, np.float32)
    report = write_shard(folder, PLANNED, plan, [chunk(pair(0), log_mels=still)])
    statistics = band_statistics([report], config.audio)
    assert statistics.std == (MIN_STD_DB,) * 16
