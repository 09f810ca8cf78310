import io
from itertools import pairwise

import av
import numpy as np
import pytest
import soundfile

from cargan_tf.errors import UserError
from cargan_tf.inference.video import generate_video

RATE = 8_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A second of tone, a second of silence, half a second of noise."""
    times = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).normal(0, 0.1, RATE // 2)
    parts = [0.3 * np.sin(2 * np.pi * 440 * times), np.zeros(RATE), noise]
    path = tmp_path_factory.mktemp("recording") / "tune.wav"
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def images(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def made(generator, recording):
    path = recording.with_suffix(".mp4")
    return path, generate_video(generator, recording, path, "violin")


def test_the_video_lasts_as_long_as_the_sound(made):
    path, video = made
    assert (video.frames, video.seconds) == (25, 2.5)
    assert len(images(path)) == 25


def test_frames_show_what_is_drawn_from_there(made, generator, recording):
    waveform, _ = soundfile.read(recording)
    shown = images(made[0])
    for index in (3, 12):
        generated = generator.generate(waveform, RATE, "violin", start=index / 10)
        enlarged = generated.repeat(4, 0).repeat(4, 1).astype(int)
        assert np.abs(shown[index] - enlarged).mean() < 12, "but for the codec's loss"


def test_silence_and_noise_are_counted(made):
    _, video = made
    assert video.silent == 6, "clips from 1.0 to 1.5 s"
    assert video.noise_like > 0
    assert "6 of 25 frames are of silence; they are a guess" in video.warnings()


def test_a_given_label_is_told_without_confidence(made):
    assert (made[1].label_weights, made[1].confidence) == ({"violin": 1.0}, None)


def test_a_label_left_out_is_recognized_from_a_stream_too(generator, recording, tmp_path):
    stream = io.BytesIO(recording.read_bytes())
    video = generate_video(generator, stream, tmp_path / "v.gif", frames_per_second=2)
    assert (video.frames, len(video.label_weights)) == (5, 1)
    assert 0 < video.confidence <= 1


def test_smoothing_makes_frames_more_alike(made, generator, recording, tmp_path):
    generate_video(generator, recording, tmp_path / "v.mp4", "violin", smooth_seconds=0.3)

    def sensitivity(path):
        shown = [image.astype(int) for image in images(path)]
        return np.mean([np.abs(b - a).mean() for a, b in pairwise(shown)])

    assert sensitivity(tmp_path / "v.mp4") < 0.8 * sensitivity(made[0])


def test_what_is_wrong_is_found_before_anything_is_written(generator, recording, tmp_path):
    for wrong in ({"label": "kazoo"}, {"file": tmp_path / "v.avi"}):
        values = {"file": tmp_path / "v.mp4", "label": "violin", **wrong}
        with pytest.raises(UserError):
            generate_video(generator, recording, **values)
    with pytest.raises(UserError, match="does not exist"):
        generate_video(generator, tmp_path / "none.wav", tmp_path / "v.mp4", "violin")
    assert not list(tmp_path.iterdir())
