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
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, read_metadata
from cargan_tf.labels import MAX_LABELS

SECONDS = 60

#: Reads each file given as KIND=PATH, and prints how it was refused, or "read".
READER = """
import resource, sys
from pathlib import Path
from cargan_tf.audio.decode import read_audio
from cargan_tf.data.images import read_photo
from cargan_tf.errors import UserError
read = {
    "sound": lambda path: read_audio(path, 22_050),
    "image": lambda path: read_photo(path, 64),
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
