"""Files that a stranger made to fill memory, to take forever, or to reach elsewhere.

Each test makes its file. ``bounded`` holds time and memory in a process of its own, whose address
space is limited: what allocates more fails with MemoryError, which no refusal is.
"""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image

from cargan_tf.config import Config, load_config
from cargan_tf.data.dataset import DATASET_FILE, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, read_metadata
from cargan_tf.labels import MAX_LABELS
from cargan_tf.training.run import Run

SECONDS = 60

#: Reads each file given as KIND=PATH, and prints how it was refused, or "read".
READER = """
import resource, sys
from pathlib import Path
from cargan_tf.audio.decode import read_audio
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.images import read_photo
from cargan_tf.errors import UserError
read = {
    "sound": lambda path: read_audio(path, 22_050),
    "image": lambda path: read_photo(path, 64),
    "data": load_dataset,
}
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # the libraries alone take 2 GB
for argument in sys.argv[1:]:
    kind, _, path = argument.partition("=")
    try:
        read[kind](Path(path))
        print("read")
    except UserError as error:
        print("refused:", error)
# Not of getrusage, which counts what the process was before it became this program.
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def bounded(**files):
    """What became of each file, in order, and the peak memory in bytes."""
    words = [f"{kind.partition('_')[0]}={path}" for kind, path in files.items()]
    done = subprocess.run(
        [sys.executable, "-c", READER, *words], capture_output=True, text=True, timeout=SECONDS
    )
    assert (done.returncode, done.stderr) == (0, "")
    *said, peak = done.stdout.splitlines()
    return said, int(peak) * 1024


# Images.


def png(width, height, rows=b""):
    """A PNG of one bit a pixel; ``rows`` is what its pixels are unpacked to."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed = zlib.compress(rows, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def png_with_text(size):
    """Text chunks are unpacked when an image is opened."""
    content = b"Comment\0\0" + zlib.compress(bytes(size), 9)
    check = struct.pack(">I", zlib.crc32(b"zTXt" + content))
    whole = png(8, 8, bytes(16))
    text = struct.pack(">I", len(content)) + b"zTXt" + content + check
    return whole[:33] + text * 50 + whole[33:]


def saved(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def tiff_of_pages(count):
    """Directories of one page each, one after the other; each page claims the same pixels."""
    page = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    page += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 8), (279, 4, 1, 64)]
    size = 2 + 12 * len(page) + 4
    parts = [struct.pack("<2sHI64s", b"II", 42, 72, bytes(64))]
    for number in range(count):
        entries = b"".join(struct.pack("<HHII", *entry) for entry in page)
        following = 72 + size * (number + 1) if number + 1 < count else 0
        parts.append(struct.pack("<H", len(page)) + entries + struct.pack("<I", following))
    return b"".join(parts)


def test_images_that_unpack_to_gigabytes_are_bounded(tmp_path):
    small = Image.new("L", (8, 8))
    gif = bytearray(saved(small, "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    bmp = bytearray(saved(small, "BMP"))
    bmp[18:26] = struct.pack("<ii", 1 << 30, 1 << 30)
    ppm = b"P6 1000000 1000000 255\n"
    jpeg = bytearray(saved(small, "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    contents = {
        "huge.png": png(200_000, 200_000),
        "bomb.png": png(60_000, 60_000, bytes(60_000 // 8 * 1_000)),
        "text.png": png_with_text(1 << 26),
        "huge.gif": bytes(gif),
        "huge.bmp": bytes(bmp),
        "huge.ppm": ppm,
        "huge.jpg": bytes(jpeg),
        "huge.tif": saved(Image.new("1", (30_000, 30_000)), "TIFF", compression="tiff_lzw"),
        "huge.webp": saved(Image.new("L", (16_000, 16_000)), "WEBP", lossless=True),
        "wide.png": png(0x7FFFFFFF, 1),
        "pages.tif": tiff_of_pages(20_000),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert sum(map(len, contents.values())) < 20 << 20
    said, peak = bounded(**{f"image_{name}": tmp_path / name for name in contents})
    results = dict(zip(contents, said, strict=True))
    # Only the first page is read.
    assert results.pop("pages.tif") == "read"
    for name, result in results.items():
        assert result.startswith("refused: "), name
        assert name in result
    assert peak < 1 << 30


# Sounds.


def wav(rate=44_100, channels=1, bits=16, data=b"\0" * 64, claimed=None):
    size = len(data) if claimed is None else claimed
    block = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", 1, channels, rate, rate * block % (1 << 32), block % (1 << 16), bits
    )
    return (
        b"RIFF" + struct.pack("<I", min(36 + size, (1 << 32) - 1)) + b"WAVEfmt "
        + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    )  # fmt: skip


def test_sounds_that_unpack_to_gigabytes_are_bounded(tmp_path):
    quiet = np.zeros((1 << 20, 8), np.int16)
    soundfile.write(tmp_path / "wide.flac", quiet, 655_350, format="FLAC")
    soundfile.write(tmp_path / "hour.flac", np.zeros(3_700 * 8_000, np.int16), 8_000)
    flac = bytearray((tmp_path / "wide.flac").read_bytes())
    flac[21] |= 0x0F  # 36 bits: the number of samples
    flac[22:26] = b"\xff\xff\xff\xff"
    contents = {
        "claims.flac": bytes(flac),
        "claims.wav": wav(claimed=(1 << 32) - 1),
        "channels.wav": wav(channels=60_000),
        "rate_0.wav": wav(rate=0),
        "rate_4g.wav": wav(rate=(1 << 32) - 1),
        "bits_0.wav": wav(bits=0),
        "gzip.wav": gzip.compress(bytes(64 << 20)),
        "nothing.ogg": b"OggS" + bytes(1 << 20),
        "nothing.mp4": struct.pack(">I4sI", 1 << 31, b"ftyp", 0) + bytes(1 << 20),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    names = ["wide.flac", "hour.flac", *contents]
    said, peak = bounded(**{f"sound_{name}": tmp_path / name for name in names})
    results = dict(zip(names, said, strict=True))
    assert results.pop("wide.flac") == "read"  # eight channels at the highest rate of FLAC
    results.pop("claims.wav")  # what is left of it may be read
    for name, result in results.items():
        assert result.startswith("refused: "), name
    assert peak < 1 << 30


@pytest.mark.parametrize("kind", ["sound", "image"])
def test_pipes_devices_and_links_in_a_circle_are_refused(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    paths = [tmp_path / name for name in ("pipe", "circle", "zero", "folder")]
    said, _ = bounded(**{f"{kind}_{path.name}": path for path in paths})
    assert all(result.startswith("refused: ") for result in said)


# Configurations.


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "a: &a {<<: *a}\n",
        "name: " + "[" * 50_000,
        "name: " + "{a: " * 20_000,
        "training:\n  steps: " + "9" * 90_000 + "\n",
        "training:\n  steps: 0x" + "f" * 90_000 + "\n",
        "training:\n  learning_rate: 1e999999999\n",
        "name: !!python/object/apply:os.system [true]\n",
        "name: !!binary " + "A" * 90_000 + "\n",
        "name: \x1b[2J\n",
        "name: " + "a" * 200_000 + "\n",
        "name: ../../etc\n",
        "audio:\n  sample_rate: 0\n",
        "audio:\n  n_fft: 1000000000\n",
        "audio:\n  clip_seconds: .inf\n",
        "data:\n  image_size: 1073741824\n",
        "model:\n  generator_width: 1000000000\n",
        "? [a, b]\n: c\n",
        "a" * 90_000 + ": 1\n",
        "training:\n  " + "a" * 90_000 + ": 1\n",
        "training:\n  1:30: 2\n",
    ],
)
def test_a_hostile_configuration_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_config(tmp_path / "config.yaml")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2_000


# What models and data sets say of themselves.


def metadata(**changes):
    """Of a model, as JSON values; ``changes`` may hold settings as ``config``."""
    config = Config()
    bands = [0.0] * config.audio.n_mels, [1.0] * config.audio.n_mels
    plain = ModelMetadata.from_json(
        {
            "format": 2,
            "config": config.model_dump(mode="json"),
            "labels": ["cello"],
            "statistics": {"mean": bands[0], "std": bands[1]},
            "step": 1,
            "data_hash": "a",
        },
        "here",
    ).to_json()
    for name, value in changes.pop("config", {}).items():
        section, _, key = name.partition(".")
        plain["config"][section][key] = value
    return {**plain, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"data.image_size": 10**9}},
        {"config": {"audio.sample_rate": 0}},
        {"config": {"audio.sample_rate": -1}},
        {"config": {"audio.clip_seconds": 1e300}},
        {"config": {"audio.n_fft": 10**9}},
        {"config": {"audio.hop_length": 0}},
        {"config": {"audio.n_mels": 10**9}},
        {"config": {"model.generator_width": 10**9}},
        {"config": {"model.generator_width": 4_096, "model.max_width_multiplier": 4_096}},
        {"config": {"audio.clip_seconds": 30, "audio.hop_length": 1}},
        {"config": {"audio.floor_db": -(10**9)}},
        {"config": {"audio.clip_std": 1e-300}},
        {"config": {"classifier.blocks": [10**9] * 4}},
        {"config": {"classifier.weights": "\x1b[2J"}},
        {"config": {"training.batch_size": 10**9}},
        {"config": {"data.shuffle_buffer": 10**12}},
        {"config": {"evaluator.count": 10**9}},
        {"config": {"training.steps": 10**18}},
        {"config": {"monitor.log_steps": 10**18}},
        {"config": {"model." + "a" * 10**6: 1}},
        {"labels": []},
        {"labels": "cello"},
        {"labels": [f"label {number}" for number in range(10**6)]},
        {"labels": ["a" * 10**6]},
        {"labels": ["\x1b[2J\x1b]0;owned\x07"]},
        {"labels": ["cello\nviolin"]},
        {"labels": ["../../etc/passwd"]},
        {"labels": ["..\\..\\autoexec"]},
        {"labels": [".."]},
        {"labels": [""]},
        {"labels": ["\u202eolleс"]},
        {"labels": ["cello", "cello"]},
        {"labels": [1, None]},
        {"labels": [["cello"]]},
        {"statistics": {"mean": [0.0], "std": [1.0]}},
        {"statistics": {"mean": [float("nan")] * 128, "std": [1.0] * 128}},
        {"statistics": {"mean": [0.0] * 10**6, "std": [1.0] * 10**6}},
        {"statistics": {"mean": [10**400] * 128, "std": [1.0] * 128}},
        {"statistics": {"mean": [1e300] * 128, "std": [1.0] * 128}},
        {"statistics": {"mean": [0.0] * 128, "std": [1e-300] * 128}},
        {"statistics": {"mean": [0.0] * 128, "std": [1e300] * 128}},
        {"statistics": {"mean": [0.0] * 128, "std": [-1.0] * 128}},
        {"statistics": []},
        {"players": ["Ann"]},
        {"players": "Ann"},
        {"players": {"cello": ["Ann"]}},
        {"players": {"cello": "Ann"}, "config": {"model.players": 1}},
        {"players": {"cello": ["Ann", "Bo"]}, "config": {"model.players": 1}},
        {"players": {"cello": ["\x1b[2J"]}, "config": {"model.players": 1}},
        {"players": {"\x1b[2J" * 10**5: ["Ann"]}, "config": {"model.players": 1}},
        {"data_hash": 5},
        {"data_hash": "\x1b]0;owned\x07"},
        {"data_hash": "a" * 10**6},
        {"license": "MIT\x1b[2J"},
        {"license": ["MIT"]},
        {"license": "a" * 10**6},
        {"weights": "float128"},
        {"weights": "\x1b[2J"},
        {"weights": []},
        {"recognition_accuracy": 7},
        {"recognition_accuracy": -0.1},
        {"recognition_accuracy": True},
        {"recognition_accuracy": float("nan")},
        {"recognition_accuracy": "0.9"},
        {"recognition_temperature": 0},
        {"recognition_temperature": -1},
        {"recognition_temperature": float("inf")},
        {"recognition_temperature": 1e-300},
        {"metrics": []},
        {"metrics": {"test": 1}},
        {"metrics": {"test": {"fid": "low"}}},
        {"metrics": {"test": {"fid": float("nan")}}},
        {"metrics": {"test": {"fid": 10**400}}},
        {"metrics": {"test": {"\x1b[2J": 1.0}}},
        {"metrics": {"\x1b[2J": {"fid": 1.0}}},
        {"metrics": {"test": {str(number): 1.0 for number in range(10**5)}}},
        {"step": True},
        {"step": 1.5},
        {"step": 10**100},
        {"step": -1},
        {"step": "1; rm -rf /"},
        {"step": {}},
        {"format": 10**100},
        {"format": "2"},
        {"config": None},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_absurd_metadata_is_refused_in_one_line(tmp_path, changes):
    values = metadata(**{key: value for key, value in changes.items() if value is not None})
    if changes.get("config", 0) is None:
        values["config"] = None
    (tmp_path / METADATA_FILE).write_text(json.dumps(values))
    with pytest.raises(UserError) as caught:
        read_metadata(tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


def test_plain_metadata_and_many_labels_are_read(tmp_path):
    labels = [f"label {number}" for number in range(MAX_LABELS)]
    (tmp_path / METADATA_FILE).write_text(json.dumps(metadata(labels=labels)))
    assert list(read_metadata(tmp_path).labels) == labels


@pytest.mark.parametrize("content", [b"[" * 10**6, b" " * (5 << 20), b"\xff\xfe", b"nul", b"1"])
def test_metadata_that_is_none_is_refused(tmp_path, content):
    (tmp_path / METADATA_FILE).write_bytes(content)
    with pytest.raises(UserError, match=METADATA_FILE):
        read_metadata(tmp_path)


@pytest.mark.parametrize("content", [b"[" * 10**6, b'{"step":' * 10**5, b" " * (20 << 20), b"[]"])
def test_the_description_of_a_run_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        Run(tmp_path).read_info()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", ["\x1b[2J"]),
        ("labels", [f"label {number}" for number in range(10**6)]),
        ("data", 5),
        ("data_hash", ["a"]),
        ("classifier_accuracy", 10**9),
        ("classifier_accuracy", "good"),
        ("players", ["Ann"]),
        ("config", []),
        ("format", "\x1b[2J"),
    ],
)
def test_an_absurd_description_of_a_run_is_refused_in_one_line(tmp_path, name, value):
    plain = metadata()
    values = {key: plain[key] for key in ("format", "labels", "config", "statistics")}
    values |= {"data": "data", "data_hash": "a", "classifier_accuracy": 1.0, "players": {}}
    (tmp_path / "run.json").write_text(json.dumps(values))
    assert Run(tmp_path).read_info().labels == ("cello",)
    (tmp_path / "run.json").write_text(json.dumps({**values, name: value}))
    with pytest.raises(UserError, match=r"run\.json|band statistics") as caught:
        Run(tmp_path).read_info()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


SHARD = {"name": "train-00000.tfrecord", "records": 2, "bytes": 100, "sha256": "0" * 64}


def data_set(folder, **changes):
    """Write a description of one shard, which is there; ``changes`` are by the path of a value."""
    plain = metadata()
    values = {
        "format_version": 2,
        "labels": ["cello"],
        "players": {"cello": ["Ann"]},
        "counts": {"train": {"cello": 2}},
        "recordings": {"train": {"cello": ["a"]}},
        **{kind: {"train": {"cello": 0}} for kind in ("silent", "noise_like", "padded")},
        "skipped": [],
        "shared_recordings": [],
        "config": plain["config"],
        "statistics": plain["statistics"],
        "shards": {"train": [dict(SHARD)]},
        "source": "somewhere",
        "source_kind": "manifest",
        "notes": ["a note"],
        "plan": "b",
    }
    for path, value in changes.items():
        *parents, last = path.split(".")
        target = values
        for parent in parents:
            target = target[int(parent) if isinstance(target, list) else parent]
        target[int(last) if isinstance(target, list) else last] = value
    folder.mkdir(exist_ok=True)
    (folder / SHARD["name"]).write_bytes(bytes(SHARD["bytes"]))
    (folder / DATASET_FILE).write_text(json.dumps(values))
    return folder


def test_a_plain_description_of_a_data_set_is_read(tmp_path):
    assert load_dataset(data_set(tmp_path / "data")).records("train") == 2


ESCAPE = "\x1b[2J\x1b]0;owned\x07"


@pytest.mark.parametrize(
    "changes",
    [
        {"config.data.image_size": 10**9},
        {"config.data.image_size": -64},
        {"config.audio.sample_rate": 0},
        {"config.audio.sample_rate": 10**12},
        {"config.audio.hop_length": 0},
        {"config.audio.n_fft": 10**9},
        {"config.audio.n_mels": 10**9},
        {"config.audio.clip_seconds": 1e308},
        {"config.model.generator_width": 10**9},
        {"config.name": ESCAPE},
        {"config": None},
        {"labels": [f"label {number}" for number in range(10**6)]},
        {"labels": []},
        {"labels": [ESCAPE]},
        {"labels": ["../cello"]},
        {"labels": ["cello", "cello"]},
        {"labels.0": "flute"},
        {"players": {"cello": [ESCAPE]}},
        {"players": {"nobody": ["Ann"]}},
        {"players": {"cello": ["a" * 10**6]}},
        {"counts.train.cello": -1},
        {"counts.train.cello": 10**9},
        {"counts.train.cello": 10**400},
        {"counts.train.cello": 1.5},
        {"counts.train.cello": "2"},
        {"counts.train.cello": True},
        {"counts.train": {ESCAPE: 2}},
        {"counts.train": {f"label {number}": 0 for number in range(10**5)}},
        {"counts": {ESCAPE: {"cello": 2}}},
        {"silent.train.cello": -1},
        {"noise_like.train.cello": -(10**9)},
        {"padded.train.flute": 1},
        {"dropped_silent": {"train": {"cello": -5}}},
        {"recordings.train.cello": [ESCAPE]},
        {"recordings.night": {"cello": ["a"]}},
        {"shared_recordings": [ESCAPE]},
        {"statistics": {"mean": [0.0], "std": [1.0]}},
        {"statistics": {"mean": [0.0] * 10**6, "std": [1.0] * 10**6}},
        {"statistics.std": [0.0] * 128},
        {"statistics.mean": [10**400] * 128},
        {"shards.train.0.records": -1},
        {"shards.train.0.records": 10**12},
        {"shards.train.0.records": 7},
        {"shards.train.0.bytes": -1},
        {"shards.train.0.bytes": 10**15},
        {"shards.train.0.name": "../" + SHARD["name"]},
        {"shards.train.0.name": "/etc/passwd"},
        {"shards.train.0.name": "C:\\" + SHARD["name"]},
        {"shards.train.0.name": ".."},
        {"shards.train.0.name": "gs://bucket/shard"},
        {"shards.train.0.name": "file:///etc/passwd"},
        {"shards.train.0.name": ESCAPE},
        {"shards.train.0.name": "a" * 10**6},
        {"shards.train.0.sha256": "x"},
        {"shards.train.0.sha256": ESCAPE},
        {"shards.train": [SHARD, SHARD]},
        {"shards.train": [SHARD] * 10**5},
        {"shards.night": []},
        {"other_sounds": {"train": {**SHARD, "name": "../none"}}},
        {"other_sounds": {"train": {**SHARD, "name": "none", "records": 10**9}}},
        {"other_sounds": {"night": {**SHARD, "name": "none"}}},
        {"source": ESCAPE},
        {"source_kind": ESCAPE},
        {"notes": [ESCAPE]},
        {"notes": ["two\nlines"]},
        {"plan": ESCAPE},
        {"format_version": 10**100},
        {"format_version": ESCAPE},
        {"owned": ESCAPE},
    ],
    ids=lambda changes: str(changes)[:50],
)
def test_an_absurd_description_of_a_data_set_is_refused_in_one_line(tmp_path, changes):
    with pytest.raises(UserError) as caught:
        load_dataset(data_set(tmp_path / "data", **changes))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("content", [b"[" * 10**6, b'{"labels":' * 10**5, b"\xff\xfe", b"1", b""])
def test_a_description_of_a_data_set_that_is_none_is_refused(tmp_path, content):
    (tmp_path / DATASET_FILE).write_bytes(content)
    with pytest.raises(UserError, match=DATASET_FILE):
        load_dataset(tmp_path)


@pytest.mark.parametrize("target", ["../outside", "/dev/zero", "nowhere"])
def test_a_shard_that_is_a_link_out_of_the_data_set_is_refused(tmp_path, target):
    folder = data_set(tmp_path / "data")
    (tmp_path / "outside").write_bytes(bytes(SHARD["bytes"]))
    (folder / SHARD["name"]).unlink()
    (folder / SHARD["name"]).symlink_to(target)
    with pytest.raises(UserError, match=r"is a link out of the data set's folder|is missing"):
        load_dataset(folder)


def test_a_data_set_behind_a_link_and_links_within_it_are_read(tmp_path):
    folder = data_set(tmp_path / "data")
    (folder / SHARD["name"]).rename(folder / "stored")
    (folder / SHARD["name"]).symlink_to("stored")
    (tmp_path / "link").symlink_to(folder)
    assert load_dataset(tmp_path / "link").records("train") == 2


def test_descriptions_are_refused_without_filling_memory(tmp_path):
    """Of what a file names nothing is made: a million labels, huge images, records of terabytes."""
    changes = [
        {"config.data.image_size": 10**9},
        {"labels": [f"label {number}" for number in range(10**6)]},
        {"counts.train.cello": 2**49, "shards.train.0.records": 2**49},
    ]
    folders = [data_set(tmp_path / str(n), **change) for n, change in enumerate(changes)]
    said, peak = bounded(**{f"data_{folder.name}": folder for folder in folders})
    assert [result.partition(":")[0] for result in said] == ["refused"] * len(folders)
    assert peak < 1 << 29
