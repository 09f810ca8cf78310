import csv
import json
import shutil

import numpy as np
import pytest
import soundfile
from PIL import Image

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError
from cargan_tf.models.sound_classifier import sound_classifier_audio
from cargan_tf.training.classifiers.sound_batches import features, load_sounds
from cargan_tf.training.classifiers.train_sound_classifier import (
    FOLDER,
    ensure_sound_classifier,
    load_sound_classifier,
    train_sound_classifier,
)
from cargan_tf.training.run import Run
from cargan_tf.utils.files import write_atomically
from cargan_tf.utils.progress import SilentReporter

RATE = 8_000
#: Overtones of each instrument; the note says nothing.
OVERTONES = {"flute": (1,), "reed": (1, 3, 5, 7), "string": (1, 2, 3, 4, 5, 6)}


@pytest.fixture(scope="module")
def config(tiny_config):
    learning = ("width=8", "steps=150", "batch_size=16", "learning_rate=0.01")
    settings = [f"sound_classifier.{setting}" for setting in learning]
    return override(tiny_config, [*settings, "data.freq_mask=0", "data.time_mask=0"])


@pytest.fixture(scope="module")
def data(config, tmp_path_factory):
    """Three timbres, notes and levels of every kind in each split."""
    root = tmp_path_factory.mktemp("timbres")
    random = np.random.default_rng(0)
    times = np.arange(RATE // 2) / RATE
    Image.new("RGB", (64, 64)).save(root / "black.png")
    rows = []
    for split, clips in (("train", 16), ("validation", 8)):
        for label, overtones in OVERTONES.items():
            for clip in range(clips):
                pitch, level = random.uniform(200, 400), random.uniform(0.02, 0.1)
                tone = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in overtones)
                name = f"{label}_{split}_{clip}.wav"
                soundfile.write(root / name, level * tone, RATE)
                rows.append((split, label, f"{label}_{split}", 500 * clip, name, "black.png", ""))
    for split, count in (("train", 12), ("validation", 6)):
        for index in range(count):
            (root / "none" / split).mkdir(parents=True, exist_ok=True)
            noise = 0.1 * random.standard_normal(RATE)
            soundfile.write(root / "none" / split / f"{index}.wav", noise, RATE)
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "label", "recording", "start_ms", "audio", "image", "player"])
        writer.writerows(rows)
    preprocess(root, root / "data", config, workers=1)
    return root / "data"


@pytest.fixture(scope="module")
def report(data, config):
    return train_sound_classifier(data, config)


def load(data, config, folder=None, **changes):
    dataset = load_dataset(data)
    expected = {"labels": dataset.labels, **changes}
    return load_sound_classifier(folder or data / FOLDER, config, **expected)


def test_instruments_are_told_by_their_timbre(report):
    assert report.accuracy >= 0.9
    assert (report.split, report.clips, report.labels) == ("validation", 24, tuple(OVERTONES))


def test_its_report_says_how_good_and_how_well_calibrated_it_is(report):
    assert report.clean.accuracy == report.accuracy
    assert report.clean.count == report.augmented.count == 24
    assert report.recordings.count == 3
    assert report.clean.top_3 == 1  # of three labels
    assert abs(report.clean.confidence - report.accuracy) < 0.2
    assert report.others_rejected >= 0.5


def test_what_was_trained_is_loaded_and_is_as_good_as_reported(data, config, report):
    network, loaded = load(data, config)
    assert loaded == report
    sounds = load_sounds(load_dataset(data), data, "validation", 0)
    logits = network(features(sounds.waveforms, sound_classifier_audio(config)))
    assert (np.argmax(logits, 1) == sounds.labels).mean() == report.accuracy


def test_none_is_no_error(data, config, tmp_path):
    assert load(data, config, tmp_path) is None


@pytest.mark.parametrize("text", ["augmentation.room_seconds=2", "sound_classifier.width=4"])
def test_one_of_other_settings_is_refused(data, config, report, text):
    with pytest.raises(UserError, match="other data or with other settings"):
        load(data, override(config, [text]))


def test_settings_that_do_not_matter_to_it_may_differ(data, config, report):
    other = override(config, ["audio.silence_rms_db=-40", "data.image_size=32", "audio.clip_std=2"])
    assert load(data, other) is not None


def test_one_of_other_labels_is_refused(data, config, report):
    with pytest.raises(UserError, match="other data or with other settings"):
        load(data, config, labels=("a", "b", "c"))


@pytest.mark.parametrize("name", ["sound_classifier.json", "sound_classifier.npz"])
def test_a_damaged_file_is_named(data, config, report, tmp_path, name):
    folder = shutil.copytree(data / FOLDER, tmp_path / "copy")
    (folder / name).write_text("{")
    with pytest.raises(UserError, match=rf"{name} is damaged; .*cargan classifier --audio"):
        load(data, config, folder)


def test_a_run_takes_that_of_its_data(data, config, report, tmp_path):
    out = Run(tmp_path).sound_classifier
    ensure_sound_classifier(data, config, out, SilentReporter())
    weights = "sound_classifier.npz"
    assert (out / weights).read_bytes() == (data / FOLDER / weights).read_bytes()


def test_a_run_whose_data_has_none_that_fits_trains_its_own(data, config, report, tmp_path):
    other = override(config, ["sound_classifier.steps=2"])
    out = Run(tmp_path).sound_classifier
    ensure_sound_classifier(data, other, out, SilentReporter())
    assert load(data, other, out) is not None
    before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    ensure_sound_classifier(data, other, out, SilentReporter())
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == before


def test_a_run_takes_that_of_the_model_it_starts_from_and_measures_it(
    data, config, report, tmp_path
):
    without = shutil.copytree(data, tmp_path / "data", ignore=lambda *_: [FOLDER])
    trained, _ = load(data, config)
    out = Run(tmp_path / "run").sound_classifier
    ensure_sound_classifier(without, config, out, SilentReporter(), trained)
    taken, measured = load(data, config, out)
    for ours, theirs in zip(taken.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert measured == report


def test_without_held_out_recordings_there_is_none(tiny_data, tiny_config, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data", ignore=lambda *_: [FOLDER])
    description = json.loads((data / "dataset.json").read_text())
    description["shards"] = {"train": description["shards"]["train"]}
    (data / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="only a training split"):
        train_sound_classifier(data, tiny_config)
    messages = []
    reporter = SilentReporter()
    reporter.message = messages.append
    ensure_sound_classifier(data, tiny_config, tmp_path / "run", reporter)
    assert not (tmp_path / "run").exists()
    assert "images will need a label" in messages[0]


def test_half_of_it_does_not_count(tiny_data, tiny_classifier, tiny_config, tmp_path, monkeypatch):
    """Killed between its files, a run takes it over again."""
    written = []

    def killed(path, content):
        if written:
            raise KeyboardInterrupt
        written.append(path.name)
        write_atomically(path, content)

    folder = tmp_path / "sound_classifier"
    with monkeypatch.context() as patched:
        patched.setattr(
            "cargan_tf.training.classifiers.train_sound_classifier.write_atomically", killed
        )
        with pytest.raises(KeyboardInterrupt):
            ensure_sound_classifier(tiny_data, tiny_config, folder, SilentReporter())
    assert [path.name for path in folder.iterdir()] == ["sound_classifier.npz"]
    ensure_sound_classifier(tiny_data, tiny_config, folder, SilentReporter())
    assert len(list(folder.iterdir())) == 2
