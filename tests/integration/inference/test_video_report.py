import json

import av
import numpy as np
import pytest

from cargan_tf.audio.notes import find_notes
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.inference import video_report
from cargan_tf.inference.video_report import compose, evaluate_video

RATE = 8_000


@pytest.fixture(scope="module")
def made(generator, tiny_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("video_report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video_report, "SECONDS", 9.0)
        return folder, evaluate_video(generator, tiny_data, folder)


def test_both_metrics_are_measured_on_notes_of_the_test_split(made):
    folder, report = made
    assert (report.split, report.seconds, report.frames) == ("test", 9.0, 225)
    assert report.notes > 9
    assert report.values.keys() == {"same_player", "video_lag"}
    same = report.values["same_player"]
    assert same.images == 225 - 3, "three recordings, one of each label"
    assert same.chance == 0.5, "two players with as many photos each"
    assert abs(report.values["video_lag"].value) <= 40
    written = json.loads((folder / "video.json").read_text("utf-8"))
    assert written["values"]["video_lag"]["value"] == report.values["video_lag"].value


def test_the_video_is_written_with_its_sound(made):
    with av.open(str(made[0] / "video.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 225
    with av.open(str(made[0] / "video.mp4")) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    assert len(sound) / RATE == pytest.approx(9, abs=0.2)
    assert np.abs(sound).max() > 0.1


def test_onsets_are_where_notes_begin_after_rests():
    times = np.arange(RATE // 2) / RATE
    clips = np.stack([0.3 * np.sin(2 * np.pi * pitch * times) for pitch in (300, 450, 700)])
    sound, onsets = compose(clips.astype(np.float32), 20, RATE, np.random.default_rng(1))
    assert len(sound) == 20 * RATE
    notes = find_notes(sound, AudioConfig(sample_rate=RATE))
    ends = [0, *(note.end for note in notes)]
    after_rests = [note.begin / RATE for note in notes if note.begin not in ends]
    assert len(after_rests) > 5
    for begin in after_rests:
        assert np.abs(onsets - begin).min() < 0.02


def test_data_that_does_not_fit_is_refused(generator, tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        type(generator), "labels", property(lambda self: ("cello", "flute", "tuba"))
    )
    with pytest.raises(UserError, match="labels of the model"):
        evaluate_video(generator, tiny_data, tmp_path)
    with pytest.raises(UserError, match="no prepared data set"):
        evaluate_video(generator, tmp_path / "nowhere", tmp_path)
    assert not list(tmp_path.iterdir())
