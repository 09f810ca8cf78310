"""`cargan generate --video`."""

import json
import shutil
import subprocess

import pytest
from helpers.cli import values_of


def test_a_recording_becomes_a_video(generate, write_sound, tmp_path):
    write_sound("tune.wav", seconds=1.2)
    done = generate("tune.wav", "--video", "tune.mp4", "--fps", 5, "--smooth", 0.2, "--json")
    assert done.status == 0, done.err
    (values,) = values_of(done)
    assert (values["frames"], values["seconds"], values["output"]) == (6, 1.2, "tune.mp4")
    assert (tmp_path / "tune.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
def test_ffprobe_finds_25_images_a_second_as_long_as_the_sound(generate, write_sound, tmp_path):
    write_sound("tune.wav", seconds=1.72, rate=44_100)
    assert generate("tune.wav", "--video", "tune.mp4").status == 0
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", "tune.mp4"]
    probed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    streams = {stream["codec_type"]: stream for stream in json.loads(probed.stdout)["streams"]}
    video, audio = streams["video"], streams["audio"]
    assert (video["codec_name"], video["avg_frame_rate"], video["nb_frames"]) == (
        *("h264", "25/1"),
        "43",
    )
    for stream in (video, audio):
        assert float(stream["start_time"]) == pytest.approx(0, abs=0.001)
        assert float(stream["duration"]) == pytest.approx(1.72, abs=0.001)
