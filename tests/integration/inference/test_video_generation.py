import io

import av
import numpy as np
import pytest
import soundfile

from cargan_tf.errors import UserError
from cargan_tf.inference.result import Recognition
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
    assert (video.frames, video.seconds) == (63, 2.52)
    assert len(images(path)) == 63


def test_frames_show_what_is_drawn_from_around_them(made, generator, recording):
    waveform, _ = soundfile.read(recording)
    shown = images(made[0])
    for index in (10, 18):
        generated = generator.generate(waveform, RATE, "violin", start=index / 25 - 0.25)
        enlarged = generated.repeat(4, 0).repeat(4, 1).astype(int)
        assert np.abs(shown[index] - enlarged).mean() < 12, "but for the codec's loss"


def test_rests_and_noise_are_counted(made):
    _, video = made
    assert video.resting == pytest.approx(25, abs=1), "from 1.0 to 2.0 s"
    assert video.noise_like > 5
    assert f"{video.noise_like} of 63 frames are of noise; they are a guess" in video.warnings()


@pytest.mark.parametrize("label", ["violin", None])
def test_silence_shows_a_player_at_rest_and_says_so(generator, tmp_path, label):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    video = generate_video(generator, tmp_path / "silence.wav", tmp_path / "v.mp4", label)
    assert video.resting == video.frames == 25
    assert video.warnings()[0] == "no note was found; the video shows a player at rest"
    assert len(video.warnings()) == (1 if label else 2)
    shown = images(tmp_path / "v.mp4")
    assert np.abs(shown[-1].astype(int) - shown[0]).mean() < 2


def test_a_sound_of_none_of_the_instruments_shows_a_player_at_rest(
    generator, recording, tmp_path, monkeypatch
):
    none = Recognition({"cello": 0.1, "flute": 0.1, "violin": 0.2}, none=0.6)
    monkeypatch.setattr(generator, "recognize_recording", lambda waveform: none)
    video = generate_video(generator, recording, tmp_path / "v.mp4")
    assert video.resting == video.frames
    (said,) = video.warnings()
    assert "none of the 3 instruments" in said
    assert "a player at rest" in said
    assert "set the label" in said
    named = generate_video(generator, recording, tmp_path / "w.mp4", "violin")
    assert named.resting < named.frames


def test_a_given_label_is_told_without_confidence(made):
    assert (made[1].label_weights, made[1].confidence) == ({"violin": 1.0}, None)


def test_a_label_left_out_is_recognized_from_a_stream_too(generator, recording, tmp_path):
    stream = io.BytesIO(recording.read_bytes())
    video = generate_video(generator, stream, tmp_path / "v.gif", frames_per_second=2)
    assert (video.frames, len(video.label_weights)) == (5, 1)
    assert 0 < video.confidence <= 1


def test_what_is_wrong_is_found_before_anything_is_written(generator, recording, tmp_path):
    for wrong in ({"label": "kazoo"}, {"file": tmp_path / "v.avi"}):
        values = {"file": tmp_path / "v.mp4", "label": "violin", **wrong}
        with pytest.raises(UserError):
            generate_video(generator, recording, **values)
    with pytest.raises(UserError, match="does not exist"):
        generate_video(generator, tmp_path / "none.wav", tmp_path / "v.mp4", "violin")
    assert not list(tmp_path.iterdir())


def test_what_was_put_right_in_the_sound_is_said(generator, tmp_path):
    tone = 0.3 * np.sin(np.arange(RATE) * 0.3)
    soundfile.write(tmp_path / "left.wav", np.stack([tone, 0 * tone], axis=1), RATE)
    video = generate_video(generator, tmp_path / "left.wav", tmp_path / "a.gif", "violin", 2)
    assert video.warnings()[0] == "1 of its 2 channels are silent and left out"
