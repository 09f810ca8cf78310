"""Videos in the eyes of ffprobe and of PyAV's decoder."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from cargan_tf.inference.video_writer import MINIMUM_WIDTH, write_video

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="ffprobe is not installed (apt-get install ffmpeg)"
)


SECONDS = 3.0


#: When the image turns white and the sound begins.
ONSET = 1.7


def sound(path, rate=22_050, channels=1, seconds=SECONDS):
    times = np.arange(round(rate * seconds)) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * times) * (times >= ONSET)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate)
    return path


def frames(frames_per_second, seconds=SECONDS, size=32):
    for index in range(round(seconds * frames_per_second)):
        bright = index / frames_per_second >= ONSET
        image = np.full((size, size, 3), 255 if bright else 0, np.uint8)
        image[: size // 4] = (200, 30, 30)
        yield image


def probe(path):
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format"]
    done = subprocess.run([*command, "-of", "json", path], capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[(10, 22_050, 1), (24, 44_100, 2), (7, 11_000, 4)])
def film(request, tmp_path_factory):
    """An mp4 of several frame rates and kinds of sound."""
    fps, rate, channels = request.param
    folder = tmp_path_factory.mktemp("film")
    write_video(folder / "film.mp4", frames(fps), fps, sound(folder / "a.wav", rate, channels))
    return folder / "film.mp4", fps, rate, channels


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
