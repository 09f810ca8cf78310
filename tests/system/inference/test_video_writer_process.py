"""Videos in the eyes of ffprobe and of PyAV's decoder."""

import json
import shutil
import subprocess

import pytest
from helpers.video import SECONDS

from cargan_tf.inference.video_writer import MINIMUM_WIDTH

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="ffprobe is not installed (apt-get install ffmpeg)"
)


def probe(path):
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format"]
    done = subprocess.run([*command, "-of", "json", path], capture_output=True, check=True)
    return json.loads(done.stdout)


@needs_ffprobe
def test_length_rate_and_streams_in_ffprobes_eyes(film):
    path, fps, rate, channels = film
    video, audio = probe(path)["streams"]
    assert (video["codec_name"], video["pix_fmt"]) == ("h264", "yuv420p")
    assert video["r_frame_rate"] == video["avg_frame_rate"] == f"{fps}/1"
    assert int(video["nb_read_frames"]) == round(SECONDS * fps)
    assert video["width"] == video["height"] >= MINIMUM_WIDTH
    assert audio["codec_name"] == "aac"
    assert int(audio["sample_rate"]) == (rate if rate in (22_050, 44_100) else 48_000)
    assert audio["channels"] == (2 if channels == 2 else 1)
    for stream in (video, audio):
        assert float(stream["start_time"]) == pytest.approx(0, abs=0.001)
        assert float(stream["duration"]) == pytest.approx(SECONDS, abs=0.03)
