"""A film that turns white, and its sound begins, at one moment."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from cargan_tf.inference.video_writer import write_video

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


@pytest.fixture(scope="module", params=[(10, 22_050, 1), (24, 44_100, 2), (7, 11_000, 4)])
def film(request, tmp_path_factory):
    """An mp4 of several frame rates and kinds of sound."""
    fps, rate, channels = request.param
    folder = tmp_path_factory.mktemp("film")
    write_video(folder / "film.mp4", frames(fps), fps, sound(folder / "a.wav", rate, channels))
    return folder / "film.mp4", fps, rate, channels
