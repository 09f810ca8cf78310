import av
import gradio as gr
import numpy as np
import pytest
import soundfile

from cargan_tf.audio.mixdown import DecodedSound
from cargan_tf.demo.components import DemoSession, HeldSounds, PageReporter, show_errors
from cargan_tf.errors import UserError

RATE = 8_000


@pytest.fixture
def session(generator):
    return DemoSession(generator)


@pytest.fixture
def file(tmp_path):
    """Two seconds, loudest from 1.2 s on."""
    samples = 0.1 * np.sin(np.arange(2 * RATE) * 0.3)
    samples[round(1.2 * RATE) : round(1.7 * RATE)] *= 5
    soundfile.write(tmp_path / "tune.wav", samples, RATE)
    return str(tmp_path / "tune.wav")


def same(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_there_is_a_sample_of_each_label_that_can_be_synthesized(session):
    assert session.samples == ["cello", "flute", "violin"]
    rate, sound = session.sample("cello")
    assert sound.dtype == np.int16
    assert len(sound) > 2 * rate
    assert np.abs(sound).max() > 1_000


def test_the_slider_reaches_as_far_as_clips_do(session, file):
    extent = session.extent(file)
    assert extent.last == 1.5
    assert extent.loudest == pytest.approx(1.2, abs=0.011)


def test_a_sound_shorter_than_a_clip_has_one_place(session, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.ones(100) * 0.1, RATE)
    extent = session.extent(str(tmp_path / "short.wav"))
    assert (extent.last, extent.loudest) == (0, 0)
    assert session.generate(str(tmp_path / "short.wav"), "cello", 3.0, 0).padded_seconds > 0.4


def test_start_label_and_loudness_count(session, generator, file):
    waveform, _ = soundfile.read(file)
    generated = session.generate(file, "violin", 0.5, 0)
    assert same(generated.image, generator.generate(waveform, RATE, "violin", start=0.5))
    assert generated.start_seconds == 0.5
    assert not same(generated.image, session.generate(file, "cello", 0.5, 0).image)
    soft = session.generate(file, "violin", 0.5, -20)
    assert generated.quality.rms_db - soft.quality.rms_db == pytest.approx(20, abs=0.01)


def test_beyond_the_last_clip_is_the_last_clip(session, file):
    assert session.generate(file, "violin", 99, 0).start_seconds == 1.5


def test_a_label_left_out_is_recognized(session, file):
    assert session.generate(file, None, 0, 0).confidence is not None


def test_two_sounds_are_walked_between(session, file, tmp_path):
    soundfile.write(tmp_path / "b.wav", np.sin(np.arange(RATE) * 1.1), RATE)
    other = str(tmp_path / "b.wav")
    generated = session.interpolate((file, other), ("violin", None), [0, 0.5, 1])
    assert generated[0].label_weights == {"violin": 1.0}
    assert same(generated[0].image, session.generate(file, "violin", 1.2, 0).image)


def test_an_error_names_the_file_but_no_folder(session, tmp_path):
    (tmp_path / "words.wav").write_text("no sound")
    with pytest.raises(UserError, match=r"^words\.wav cannot be read") as caught:
        session.waveform(str(tmp_path / "words.wav"))
    assert str(tmp_path) not in str(caught.value)


def test_a_file_is_read_once_while_sliders_move(session, file, monkeypatch):
    session.generate(file, "violin", 0, 0)
    monkeypatch.setattr("soundfile.SoundFile", None)
    session.generate(file, "violin", 1, 0)


@pytest.fixture
def held(tmp_path):
    """Sounds of as many samples as their files' names say; 100 in all are held."""
    decoded = []

    def decode(file):
        decoded.append(file)
        return DecodedSound(np.zeros(int(file.rpartition("-")[2]), np.float32))

    def path(name):
        (tmp_path / name).touch()
        return str(tmp_path / name)

    return HeldSounds(decode, 100), decoded, path


def test_held_sounds_are_bounded_by_their_samples(held):
    sounds, decoded, path = held
    for name in ("a-40", "b-40", "a-40", "c-40"):
        sounds(path(name))
    assert sounds.samples == 80
    sounds(path("a-40"))  # in use more recently than b
    assert len(decoded) == 3
    sounds(path("d-1000"))
    sounds(path("d-1000"))  # one event asks for the newest several times
    assert len(decoded) == 4
    assert sounds.samples == 1000
    sounds(path("e-1"))
    assert sounds.samples == 1


def test_a_sound_whose_file_is_deleted_is_not_held(held, tmp_path):
    sounds, _, path = held
    sounds(path("a-40"))
    (tmp_path / "a-40").unlink()
    sounds(path("b-10"))
    assert sounds.samples == 10


def test_an_error_on_the_page_names_no_folder():
    def fail():
        raise UserError("the model at /home/me/models/tiny is damaged")

    with pytest.raises(gr.Error, match=r"^'the model at tiny is damaged'$"):
        show_errors(fail)()


class Progress:
    """In the place of Gradio's."""

    def __init__(self):
        self.said = []

    def __call__(self, progress, desc=None):
        self.said.append((progress, desc))


def test_a_video_shows_all_of_a_sound(session, file, tmp_path):
    progress = Progress()
    made = session.video(file, "violin", PageReporter(progress))
    assert made.result.label_weights == {"violin": 1.0}
    assert progress.said[-1] == ((made.result.frames, made.result.frames), "Video")
    (tmp_path / "made.mp4").write_bytes(made.content)
    with av.open(tmp_path / "made.mp4") as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        assert sum(1 for _ in container.decode(video=0)) == made.result.frames
        assert container.duration / av.time_base == pytest.approx(2, abs=0.2)


def test_a_sound_too_long_for_a_video_on_the_page_is_refused(session, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(RATE * 121), RATE)
    with pytest.raises(UserError, match=r"lasts 121 s; a video is made here of 120 s at most"):
        session.video(str(tmp_path / "long.wav"), "violin", PageReporter(Progress()))


def test_what_was_put_right_in_the_sound_is_said(session, tmp_path):
    tone = 0.3 * np.sin(np.arange(RATE) * 0.3)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, -tone], axis=1), RATE)
    file = str(tmp_path / "a.wav")
    shown = [
        session.generate(file, "cello", 0.0, 0.0),
        session.interpolate((file, file), ("cello", "cello"), [0.5])[0],
    ]
    for made in shown:
        assert made.warnings()[0].startswith("its channels are opposite in sign")
