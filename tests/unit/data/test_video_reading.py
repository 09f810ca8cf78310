import sys

import numpy as np
import pytest
from helpers.odd_sounds import write_without_times

from cargan_tf.data.video_reading import is_video, read_facts, read_frame, read_sound
from cargan_tf.errors import UserError


@pytest.fixture(scope="module")
def video(tmp_path_factory, write_video):
    return write_video(tmp_path_factory.mktemp("video") / "a.mp4", 5.0)


@pytest.fixture(scope="module")
def mute(tmp_path_factory, write_video):
    return write_video(tmp_path_factory.mktemp("video") / "mute.mp4", 1.0, frequency=None)


def test_what_the_header_says(video, mute):
    facts = read_facts(video)
    assert facts.seconds == pytest.approx(5.0, abs=0.1)
    assert facts.has_image
    assert facts.has_sound
    assert not read_facts(mute).has_sound
    assert is_video(video)
    assert not is_video(video.with_suffix(".wav"))


@pytest.mark.parametrize("at_ms", [0, 500, 2_000, 2_500, 4_500])
def test_the_frame_of_a_moment(video, at_ms):
    image = read_frame(video, at_ms)
    assert image.size == (64, 32)
    assert np.asarray(image).mean() == pytest.approx(40 + 40 * at_ms / 1000, abs=3)


def test_beyond_the_end_the_last_frame(video):
    assert np.asarray(read_frame(video, 60_000)).mean() == pytest.approx(40 + 40 * 4.9, abs=3)


@pytest.mark.parametrize("start", [0, 2, 3])
def test_a_part_of_the_sound_equals_the_part_of_the_whole(video, start):
    whole, rate = read_sound(video, 0, 10)
    assert rate == 16_000
    assert whole.shape[1] == 1
    assert len(whole) == pytest.approx(80_000, abs=2_048)
    part, _ = read_sound(video, start, 1.5)
    assert part.shape == (24_000, 1)
    np.testing.assert_allclose(part, whole[start * rate :][: len(part)], atol=1e-4)


def test_the_sound_is_in_time(video):
    samples, rate = read_sound(video, 0, 2)
    onset = np.flatnonzero(np.abs(samples[:, 0]) > 0.1)[0] / rate
    assert onset == pytest.approx(1.0, abs=0.01)
    assert np.abs(samples[rate:]).max() == pytest.approx(0.3, abs=0.05)


def test_what_cannot_be_read(video, mute, tmp_path):
    with pytest.raises(UserError, match=r"mute.mp4 has no sound: leave it out"):
        read_sound(mute, 0, 1)
    with pytest.raises(UserError, match=r"has no sound at 60.000 s"):
        read_sound(video, 60, 1)
    with pytest.raises(UserError, match="no video"):
        read_facts(tmp_path / "gone.mp4")
    (tmp_path / "b.mp4").write_bytes(b"no video at all" * 100)
    for read in (read_facts, lambda path: read_frame(path, 0), lambda path: read_sound(path, 0, 1)):
        with pytest.raises(UserError, match=r"b.mp4 cannot be read as a video \(") as caught:
            read(tmp_path / "b.mp4")
        assert "\n" not in str(caught.value)


def test_without_pyav_it_is_named(video, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"needs PyAV: pip install '\.\[video\]'"):
        read_frame(video, 0)


def test_a_header_of_days_is_refused(video, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.video_reading.MAX_SECONDS", 2)
    with pytest.raises(UserError, match="says that it lasts 5 s; at most 2 s"):
        read_facts(video)


def test_frames_of_too_many_pixels_are_not_decoded(video, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.video_reading.MAX_PIXELS", 64 * 32 - 1)
    with pytest.raises(UserError, match=r"a\.mp4"):
        read_frame(video, 0)


def test_tags_that_are_no_utf8_do_not_matter(video, tmp_path):
    content = video.read_bytes()
    assert b"Lavf" in content
    (tmp_path / "a.mp4").write_bytes(content.replace(b"Lavf", b"\xff\xfe\x80\xa1"))
    assert read_facts(tmp_path / "a.mp4") == read_facts(video)


def test_a_frame_is_sought_within_bounds(video, monkeypatch):
    """As of a video that gives all of its frames the same time."""
    for bound, value in (("_MOST_FRAMES_A_SECOND", 0.2), ("_MOST_PIXELS_SOUGHT", 64 * 32)):
        with monkeypatch.context() as patched:
            patched.setattr(f"cargan_tf.data.video_reading.{bound}", value)
            with pytest.raises(UserError, match=r"frames or more before 4\.400 s; its times"):
                read_frame(video, 4_400)
    assert read_frame(video, 4_400).size == (64, 32)


def test_sound_whose_times_do_not_go_on_is_sought_within_bounds(tmp_path, monkeypatch):
    path = write_without_times(tmp_path / "a.mkv", 20)
    monkeypatch.setattr("cargan_tf.data.video_reading.MAX_FRAMES", 10 * 65_535)
    with pytest.raises(UserError, match=r"more than 655,350 samples before 60\.000 s") as error:
        read_sound(path, 60, 0.5)
    assert "\n" not in str(error.value)
    assert read_sound(path, 0, 0.5)[0].shape == (24_000, 6)
