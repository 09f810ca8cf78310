import json

import numpy as np
import pytest
import soundfile

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.recordings_report import _correlations, _Pose, evaluate_recordings, summary

RATE = 8_000
LABELS = ("cello", "flute", "violin")


class ByPitch(Generator):
    """Recognizes by the loudest frequency: cello below 300 Hz, flute above 900, else violin."""

    def __init__(self):
        pass

    labels = LABELS
    sample_rate = RATE
    name = "by-pitch"

    def check_labels(self, labels):
        pass

    def recognize_recording(self, waveform):
        from cargan_tf.inference.result import Recognition

        if not np.abs(waveform).max() > 1e-4:
            return Recognition(dict.fromkeys(LABELS, 1 / 3), silent=True)
        spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
        if spectrum.max() < 20 * np.median(spectrum):
            return Recognition(dict.fromkeys(LABELS, 0.1), none=0.7)
        pitch = np.argmax(spectrum) * RATE / len(waveform)
        label = "cello" if pitch < 300 else "flute" if pitch > 900 else "violin"
        return Recognition({**dict.fromkeys(LABELS, 0.05), label: 0.8}, none=0.1)


@pytest.fixture
def folder(tmp_path):
    time = np.arange(RATE) / RATE
    sounds = {
        "cello/a": np.sin(2 * np.pi * 200 * time),
        "violin/b": np.sin(2 * np.pi * 500 * time),
        "vn/c": np.sin(2 * np.pi * 1000 * time),  # taken for a flute
        "flute/d": np.sin(2 * np.pi * 1200 * time),
        "none/hiss": np.random.default_rng(0).normal(0, 0.2, RATE),
        "none/silence": np.zeros(RATE),
        "none/beep": np.sin(2 * np.pi * 600 * time),  # taken for a violin
    }
    for name, sound in sounds.items():
        path = tmp_path / "sounds" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * sound, RATE)
    (tmp_path / "sounds" / "violin" / "broken.wav").write_text("no sound")
    (tmp_path / "sounds" / "violin" / "notes.txt").write_text("mine")
    return tmp_path / "sounds"


def test_every_recording_counts_once(folder, tmp_path):
    report = evaluate_recordings(ByPitch(), folder, tmp_path / "out")
    assert report.recordings == {"cello": 1, "flute": 1, "none": 3, "violin": 3}
    (broken,) = report.unreadable
    assert broken.endswith("broken.wav")
    plain = report.variants["as recorded"]
    assert plain.calibration.count == 4
    assert plain.calibration.accuracy == 0.75
    assert plain.calibration.confidence == pytest.approx(0.8)
    assert plain.calibration.error == pytest.approx(0.05)
    assert plain.accuracy == {"cello": 1, "flute": 1, "violin": 0.5}
    assert plain.taken == pytest.approx(1 / 3)  # the beep; hiss and silence are not
    assert json.loads((tmp_path / "out" / "recordings.json").read_text())["model"] == "by-pitch"


def test_poor_copies_are_measured_too(folder, tmp_path):
    variants = summary(evaluate_recordings(ByPitch(), folder, tmp_path / "out"))
    assert {"as recorded", "at 8 kHz", "in a room", "in noise"} <= variants.keys()
    assert variants["in a room"]["accuracy"] == 0.75
    assert all(0 <= row["calibration error"] <= 1 for row in variants.values())


def test_the_pose_is_the_mean_rank_correlation_over_the_labels():
    notes = [60.0, 62.0, 64.0, 65.0, 67.0, 69.0, 71.0, 72.0]
    rising = [_Pose("cello", {"pitch": note**3}, {"pitch": note, "loudness": 0}) for note in notes]
    falling = [_Pose("flute", {"pitch": -note}, {"pitch": note, "loudness": 0}) for note in notes]
    still = [_Pose("violin", {"pitch": 5.0}, {"pitch": note, "loudness": 0}) for note in notes]
    assert _correlations(rising) == {"pitch": 1.0}
    assert _correlations([*rising, *falling]) == {"pitch": 0.0}
    assert _correlations([*rising, *still]) == {"pitch": 0.5}
    unknown = [_Pose("flute", {"pitch": 1.0}, {"pitch": np.nan, "loudness": 0})] * 9
    assert _correlations([*rising, *falling[:3], *unknown]) == {"pitch": 1.0}
    assert _correlations([]) == {}


def test_the_pose_of_the_images_is_measured_where_the_data_is_named(
    tiny_data, tiny_model, tmp_path
):
    """Notes of nine pitches, each at its own loudness; of the files without a note the loudness."""
    generator = Generator.load(tiny_model)
    time = np.arange(RATE) / RATE
    for label in LABELS:
        folder = tmp_path / "notes" / label
        folder.mkdir(parents=True)
        for index, note in enumerate(["C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5", "D5"]):
            name = f"{label}_{note}_soft" if label != "violin" else str(index)
            tone = np.sin(2 * np.pi * 262 * 2 ** (index / 6) * time)
            soundfile.write(folder / f"{name}.wav", 0.02 * (1 + index) * tone, RATE)
    out = tmp_path / "out"
    report = evaluate_recordings(generator, tmp_path / "notes", out, data=tiny_data)
    for variant in report.variants.values():
        assert all(-1 <= value <= 1 for value in variant.pose.values())
        assert "loudness" in variant.pose
    assert "pose: loudness" in summary(report)["as recorded"]
    without = evaluate_recordings(generator, tmp_path / "notes", out)
    assert without.variants["as recorded"].pose == {}


def test_an_unknown_label_and_an_empty_folder_are_refused(folder, tmp_path):
    (folder / "accordion").mkdir()
    with pytest.raises(UserError, match="accordion"):
        evaluate_recordings(ByPitch(), folder, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no sounds"):
        evaluate_recordings(ByPitch(), tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UserError, match="there is no folder"):
        evaluate_recordings(ByPitch(), tmp_path / "nowhere", tmp_path / "out")
