"""Files of many formats to one mono waveform, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.odd_sounds import write_channels


def test_importing_needs_neither_tensorflow_nor_librosa():
    light = ("decode", "clips", "quality", "normalization", "log_mel")
    imports = "; ".join(f"import cargan_tf.audio.{module}" for module in light)
    check = "import sys; print([m for m in ('tensorflow', 'librosa') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", f"{imports}; {check}"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


_READ = """
import sys
from pathlib import Path
from cargan_tf.audio.decode import read_audio
from cargan_tf.data.video_reading import read_sound
from cargan_tf.errors import UserError
path = Path(sys.argv[1])
for read in (lambda: read_audio(path, 48_000), lambda: read_sound(path, 0, 0.4)[0].mean(1)):
    try:
        print(f"{abs(read()[2_000:18_000]).max():.2f}")
    except UserError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("name", "muxer", "codec", "layout"),
    [
        ("a.mkv", "matroska", "flac", "7.1"),
        ("a.mp4", "mp4", "flac", "7.1"),
        ("a.wv", "wv", "wavpack", "7.1"),
        ("a.mkv", "matroska", "pcm_s16le", "hexadecagonal"),
        ("a.mov", "mov", "pcm_s16le", "16 channels"),
        ("a.mkv", "matroska", "pcm_s16le", "64 channels"),
        ("a.mkv", "matroska", "pcm_s16le", "65 channels"),
    ],
)
def test_many_channels_do_not_end_the_process(tmp_path, name, muxer, codec, layout):
    path = write_channels(tmp_path / name, muxer, codec, layout)
    result = subprocess.run(
        [sys.executable, "-c", _READ, path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    count = {"7.1": 8, "hexadecagonal": 16}.get(layout) or int(layout.split()[0])
    mean = f"{0.5 * (count + 1) / 2 / count:.2f}"
    refusal = f"{path} has 65 channels; expected 1 to 64: mix it down first"
    assert result.stdout.splitlines() == 2 * [refusal if count > 64 else mean]
