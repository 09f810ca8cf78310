"""Videos in the eyes of ffprobe and of PyAV's decoder."""

import io
import os
import tracemalloc

import av
import numpy as np
import pytest
from helpers.video import ONSET, frames, sound
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.inference.video_writer import check_video_name, write_video


def test_image_and_sound_begin_together(film):
    path, fps, *_ = film
    with av.open(str(path)) as container:
        bright = [
            frame.time
            for frame in container.decode(video=0)
            if frame.to_ndarray(format="gray")[200:].mean() > 128
        ]
    with av.open(str(path)) as container:
        heard = []
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.2)
            heard += [frame.time + loud[0] / frame.sample_rate] if len(loud) else []
    assert bright[0] == pytest.approx(ONSET, abs=1 / fps)
    assert heard[0] == pytest.approx(ONSET, abs=0.01)


def test_colours_come_through(film):
    with av.open(str(film[0])) as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_allclose(image[20, 100].astype(int), (200, 30, 30), atol=12)


def test_a_browser_can_begin_before_it_has_all(film):
    content = film[0].read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gif")
    write_video(folder / "film.GIF", frames(10), 10, sound(folder / "a.wav"))
    return folder / "film.GIF"


def test_a_gif_moves_in_time_and_for_ever(moving):
    with Image.open(moving) as image:
        assert (image.format, image.n_frames, image.info["loop"]) == ("GIF", 30, 0)
        durations, bright = [], []
        for index in range(image.n_frames):
            image.seek(index)
            durations.append(image.info["duration"])
            bright.append(np.asarray(image.convert("L"))[200].mean() > 128)
    assert sum(durations) == 3_000
    assert bright.index(True) == 17


def test_a_gifs_colours_are_the_frames_own(moving):
    with Image.open(moving) as image:
        pixel = np.asarray(image.convert("RGB"))[20, 100]
    np.testing.assert_allclose(pixel.astype(int), (200, 30, 30), atol=2)


def test_a_large_image_is_not_enlarged(tmp_path):
    film = tmp_path / "film.mp4"
    write_video(film, frames(5, 1, size=512), 5, sound(tmp_path / "a.wav", seconds=1))
    with av.open(str(film)) as container:
        assert container.streams.video[0].width == 512


def test_a_sound_in_memory_will_do(tmp_path):
    stream = io.BytesIO(sound(tmp_path / "a.wav").read_bytes())
    write_video(tmp_path / "film.mp4", frames(5), 5, stream)
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.audio


@pytest.mark.parametrize("name", ["long.mp4", "long.gif"])
def test_memory_does_not_grow_with_the_length(tmp_path, name):
    recording = sound(tmp_path / "a.wav", 8_000, seconds=60)
    tracemalloc.start()
    try:
        write_video(tmp_path / name, frames(5, 60), 5, recording)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15e6, "300 frames of 256 × 256 would be 59 MB"


def test_a_fault_on_the_way_leaves_nothing(tmp_path):
    def broken():
        yield from frames(10, 1)
        raise UserError("no more")

    recording = sound(tmp_path / "a.wav")
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="no more"):
        write_video(tmp_path / "out" / "film.mp4", broken(), 10, recording)
    assert not list((tmp_path / "out").iterdir())


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    file = tmp_path / f"{'a' * 251}.gif"
    write_video(file, frames(10, 1), 10, sound(tmp_path / "a.wav"))
    assert file.is_file()


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    recording = sound(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"film\.mp4 cannot be written"):
        write_video(recording / "film.mp4", frames(10, 1), 10, recording)


@pytest.mark.parametrize("name", ["film.avi", "film", "film.mp4.png"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"must end in \.mp4 or \.gif"):
        check_video_name(tmp_path / name)


def test_without_pyav_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UserError, match=r"pip install '\.\[video\]'"):
        check_video_name(tmp_path / "film.mp4")


def test_the_sound_may_have_a_name_that_is_no_text(tmp_path):
    named = sound(tmp_path / "a.wav").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    write_video(tmp_path / "film.mp4", frames(5), 5, named)
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert len(film.streams.audio) == 1
