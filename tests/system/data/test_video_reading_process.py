"""What a small file may cost; in a process of its own, whose memory is measured."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.odd_sounds import write_without_times

_READ = r"""
import re, sys
from pathlib import Path
from cargan_tf.data.video_reading import read_sound
from cargan_tf.errors import UserError
try:
    print(read_sound(Path(sys.argv[1]), float(sys.argv[2]), 0.5)[0].shape)
except UserError as error:
    print(error)
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10)
"""


@pytest.mark.parametrize(("start", "expected"), [(0, "(24000, 6)"), (60, "has no sound at 60")])
def test_sound_whose_times_do_not_go_on_takes_no_memory(tmp_path, start, expected):
    path = write_without_times(tmp_path / "a.mkv", 300)
    assert path.stat().st_size < 20_000
    result = subprocess.run(
        [sys.executable, "-c", _READ, path, str(start)], capture_output=True, text=True, check=True
    )
    read, megabytes = result.stdout.splitlines()
    assert expected in read
    assert int(megabytes) < 250
