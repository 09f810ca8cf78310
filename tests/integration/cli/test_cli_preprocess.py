import csv
import errno
import json
import os
import re
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from cargan_tf.data.preprocessing.beam_runner import BeamJob
from cargan_tf.errors import UserError


@pytest.fixture
def described(cargan, tiny_yaml, tmp_path):
    """Prepares a source; gives what was said and the description that was written."""

    def run(source):
        out = tmp_path / "made"
        done = cargan("preprocess", source, out, "--config", tiny_yaml, "--workers", 1)
        assert done.status == 0, done.err
        return done, json.loads((out / "dataset.json").read_text("utf-8"))

    return run


def test_without_arguments_the_tree_in_this_folder_becomes_data(cargan, tree):
    done = cargan("preprocess", "--workers", 1, cwd=tree.parent)
    assert done.status == 0, done.err
    info = json.loads((tree.parent / "data" / "dataset.json").read_text("utf-8"))
    assert info["config"]["name"] == "paper"
    assert info["labels"] == ["cello", "flute", "violin"]


def test_what_was_made_is_counted_and_the_next_command_proposed(described, tree, tmp_path):
    done, _ = described(tree)
    assert done.out.splitlines() == [
        "train: 24 pairs of 3 labels, 0 silent, 0 noise-like",
        "validation: 12 pairs of 3 labels, 0 silent, 0 noise-like",
        "test: 12 pairs of 3 labels, 0 silent, 0 noise-like",
        f"Next: cargan classifier {tmp_path / 'made'}",
    ]
    assert "48/48" in done.err


def test_a_second_call_prepares_nothing(described, tree):
    first, _ = described(tree)
    again, _ = described(tree)
    assert (again.out, again.err) == (first.out, "")


def test_a_manifest_is_a_source_too(described, tiny_source):
    _, info = described(tiny_source / "manifest.csv")
    assert info["source_kind"] == "manifest"


def test_settings_may_be_changed(cargan, tree, tiny_yaml, tmp_path):
    words = ("--config", tiny_yaml, "--set", "data.image_size=32", "--workers", 1)
    assert cargan("preprocess", tree, tmp_path / "made", *words).status == 0
    info = json.loads((tmp_path / "made" / "dataset.json").read_text("utf-8"))
    assert info["config"]["data"]["image_size"] == 32


def _truncate(path):
    path.write_bytes(path.read_bytes()[:200])


def _text(path):
    path.write_text("these are words, not music")


@pytest.mark.parametrize(
    ("kind", "damage", "why"),
    [("img", _truncate, "damaged image"), ("chunk", _text, "cannot be read as sound")],
)
def test_a_damaged_file_is_left_out_by_name(described, tree, kind, damage, why):
    path = sorted((tree / kind / "train").rglob("*.*"))[0]
    damage(path)
    done, info = described(tree)
    assert "train: 23 pairs" in done.out
    assert "Skipped: 1, listed in" in done.out
    assert path.name in done.out
    assert why in done.out
    assert len(info["skipped"]) == 1


@pytest.mark.parametrize("kind", ["img", "chunk"])
def test_a_source_of_which_nothing_can_be_read_is_an_error(cargan, tree, tiny_yaml, tmp_path, kind):
    for path in (tree / kind).rglob("*.*"):
        _text(path)
    words = ("--config", tiny_yaml, "--workers", 1)
    error = cargan("preprocess", tree, tmp_path / "made", *words).error
    assert "not one of the 24 training pairs" in error
    assert not (tmp_path / "made").exists()


def _missing(tree):
    shutil.rmtree(tree)


def _empty(tree):
    shutil.rmtree(tree)
    tree.mkdir()


def _other(tree):
    _empty(tree)
    (tree / "thesis.txt").touch()


def _no_images(tree):
    shutil.rmtree(tree / "img")
    (tree / "img").mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_missing, "no file or folder"),
        (_empty, "is empty: expected a CSV file"),
        (_other, "nothing known in"),
        (_no_images, "holds no pair of sound and image; skipped: 48"),
    ],
)
def test_a_source_without_pairs_is_named(cargan, tree, tmp_path, damage, said):
    damage(tree)
    error = cargan("preprocess", tree, tmp_path / "made").error
    assert said in error
    assert str(tree) in error
    assert not (tmp_path / "made").exists()


def test_another_data_set_is_not_overwritten(cargan, described, tree, tiny_yaml, tmp_path):
    _, info = described(tree)
    words = ("--config", tiny_yaml, "--set", "audio.n_mels=20")
    error = cargan("preprocess", tree, tmp_path / "made", *words).error
    assert "holds another data set" in error
    assert json.loads((tmp_path / "made" / "dataset.json").read_text("utf-8")) == info


def test_a_folder_of_other_things_is_left_alone(cargan, tree, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").touch()
    assert "is not a data set: choose another folder" in cargan("preprocess", tree, mine).error
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--config", "papr"), "no configuration 'papr'"),
        (("--config", "none/at/all.yaml"), "neither a readable file nor one of"),
        (("--set", "audio.nmels=3"), "unknown key 'audio.nmels'. Did you mean 'audio.n_mels'?"),
        (("--set", "data.image_size=100"), "power of two"),
        (("--workers", 0), "workers must be 1 or more"),
    ],
)
def test_a_bad_setting_is_named(cargan, tree, words, said):
    assert said in cargan("preprocess", tree, tree.parent / "made", *words).error


def test_an_unknown_key_of_a_file_is_named_with_the_file(cargan, tree, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("trainig: {batch_size: 8}")
    error = cargan("preprocess", tree, tmp_path / "made", "--config", path).error
    assert f"{path}: unknown key 'trainig'. Did you mean 'training'?" in error


def test_a_full_disk_is_named(cargan, tree, tiny_yaml, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess.write_json", full)
    words = ("--config", tiny_yaml, "--workers", 1)
    error = cargan("preprocess", tree, tmp_path / "made", *words).error
    assert "is full: free some space and run the same command" in error
    assert not (tmp_path / "made").exists()


def test_ctrl_c_says_that_the_same_command_goes_on(cargan, tree, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess.make_plan", interrupt)
    done = cargan("preprocess", tree, "my data")
    assert done.status == 130
    assert done.err == f"Interrupted. Resume with: cargan preprocess {tree} 'my data'\n"


def test_the_format_may_be_named(cargan, tiny_source, tiny_yaml, tmp_path):
    words = (tmp_path / "made", "--config", tiny_yaml, "--workers", 1)
    assert cargan("preprocess", tiny_source, *words, "--format", "manifest").status == 0
    error = cargan("preprocess", tiny_source, *words, "--format", "urmp").error
    assert "nothing of the format 'urmp' in" in error
    assert "expected folders with AuSep_*.wav and Vid_*.mp4" in error
    error = cargan("preprocess", tiny_source, *words, "--format", "urpm").error
    assert "unknown format 'urpm'. Did you mean 'urmp'" in error


def _mute_video(folder, write_video):
    write_video(folder / "a.mp4", 1.0, frequency=None)
    (folder / "table.csv").write_text("a,0,cello,train\n")
    return r"skipped: 1 \(table.csv line 1: a.mp4 has no sound\)\."


def _missing_column(folder, _):
    (folder / "table.csv").write_text("video,labels\na,cello\n")
    return r"table.csv has no column 'label'; its first line names video, labels. Did you mean"


def _path_that_leaves(folder, _):
    (folder / "train.txt").write_text("../a.png||1" + ", 0" * 12 + "||b.jpg\n")
    return r"train.txt line 1, spectrogram: '../a.png' leads out of"


def _no_jet_images(folder, _):
    for kind in ("spectrogram", "img"):
        (folder / kind / "cello").mkdir(parents=True)
        Image.new("RGB", (256, 256), "white").save(folder / kind / "cello" / "cello00_0.png")
    return r"not one of the 1 training pairs .*cello00_0.png is not in jet colors"


@pytest.mark.parametrize("spoil", [_mute_video, _missing_column, _path_that_leaves, _no_jet_images])
def test_a_bad_source_is_one_clear_line(cargan, tiny_yaml, tmp_path, write_video, spoil):
    folder = tmp_path / "set"
    folder.mkdir()
    said = spoil(folder, write_video)
    done = cargan("preprocess", folder, tmp_path / "out", "--config", tiny_yaml, "--workers", 1)
    assert done.status == 2
    assert re.search(said, done.err.splitlines()[-1])
    assert done.err.count("Error: ") == 1
    assert not (tmp_path / "out").exists()


def test_runners_are_named_with_their_options(cargan, tree, tmp_path, tiny_yaml, monkeypatch):
    given = {}

    def write(missing, plan, folder, job, reporter):
        given["job"] = job
        raise UserError("that will do")

    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess.check_beam", lambda: None)
    monkeypatch.setattr("cargan_tf.data.preprocessing.preprocess.write_by_beam", write)
    words = ("preprocess", tree, tmp_path / "made", "--config", tiny_yaml)
    option = ("--runner-option", "direct_num_workers=2")
    assert "that will do" in cargan(*words, "--runner", "DirectRunner", *option).error
    assert given["job"] == BeamJob("DirectRunner", ("direct_num_workers=2",))
    assert "requires --runner" in cargan(*words, *option).error
    assert "cannot be used together" in cargan(*words, "--runner", "X", "--workers", 2).error


def test_unbalanced_classes_are_warned_of_here_and_by_inspect(described, cargan, tree, tmp_path):
    for sound in sorted((tree / "chunk/train/cello").iterdir())[2:]:
        sound.unlink()
    done, _ = described(tree)
    inspected = cargan("inspect", tmp_path / "made")
    for said in (done.err, inspected.err):
        assert "8 pairs of flute and 2 of cello: 4 to 1" in said
        assert "data.balanced_classes=true" in said


def held_out_only(tiny_source, folder, labels=None):
    """The tiny source's test split as somebody else would hand it over: without a word on splits,
    with their own names of instruments."""
    folder.mkdir()
    rows = ["Label;Audio;Image"]
    with (tiny_source / "manifest.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["split"] != "test" or row["label"] == "flute":
                continue
            for name in (row["audio"], row["image"]):
                shutil.copyfile(tiny_source / name, folder / name)
            label = (labels or {}).get(row["label"], row["label"])
            rows.append(f"{label};{row['audio']};{row['image']}")
    (folder / "pairs.csv").write_text("\r\n".join(rows), "cp1252")
    return folder


@pytest.mark.parametrize("kind", ["run", "model"])
def test_somebody_elses_test_set_with_the_statistics_of_a_run_or_model(
    cargan, tiny_source, tiny_run, tiny_model, tiny_data, tmp_path, kind
):
    theirs = held_out_only(tiny_source, tmp_path / "theirs", {"violin": "Geige", "cello": "Celli"})
    known = tiny_run if kind == "run" else tiny_model
    words = ("preprocess", theirs, tmp_path / "made", "--normalization-from", known)
    done = cargan(*words, "--workers", 1)
    assert done.status == 0, done.err
    assert done.out.splitlines()[0].startswith("test: 8 pairs of 3 labels")
    run = tiny_run if kind == "run" else "RUN"
    assert done.next == f"cargan evaluate {run} --data {tmp_path / 'made'}"
    assert "8 pairs without a split are in test" in done.err
    assert f"labels of {known}: Celli is cello, Geige is violin" in done.err
    made, own = (
        json.loads((path / "dataset.json").read_text("utf-8"))
        for path in (tmp_path / "made", tiny_data)
    )
    assert made["counts"] == {"test": {"cello": 4, "flute": 0, "violin": 4}}
    for key in ("labels", "statistics", "config"):
        assert made[key] == own[key]


def test_data_without_a_training_split_says_what_to_add(cargan, tree, tiny_yaml, tmp_path):
    for kind in ("img", "chunk"):
        for split in ("train", "validation"):
            shutil.rmtree(tree / kind / split)
    error = cargan("preprocess", tree, tmp_path / "made", "--config", tiny_yaml).error
    assert "none of them in the split 'train'" in error
    assert "name it with --normalization-from" in error


def test_recordings_in_two_splits_are_said_aloud(described, tree):
    for kind in ("img", "chunk"):
        files = sorted((tree / kind / "train" / "violin").iterdir())
        files[0].rename(tree / kind / "test" / "violin" / files[0].name)
    done, info = described(tree)
    assert len(info["shared_recordings"]) == 1
    assert "1 recording in more than one split, so that" in done.err
    assert info["shared_recordings"][0] in done.err


def test_what_was_assumed_of_a_table_is_said(described, tiny_source, tmp_path):
    folder = held_out_only(tiny_source, tmp_path / "mine", {"violin": "Violín"})
    done, info = described(folder)
    assert info["labels"] == ["Violín", "cello"]
    for said in ("read as Windows-1252, such as in 'Violín'", "separated by ';'"):
        assert said in done.err
        assert any(said in note for note in info["notes"])


def test_a_tree_of_class_folders(described, tree, tmp_path):
    root = tmp_path / "mine"
    for path in sorted(tree.rglob("*.*")):
        target = root / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _, info = described(root)
    assert info["source_kind"] == "class-folders"
    assert sum(sum(counts.values()) for counts in info["counts"].values()) == 48


def test_a_photo_of_an_iphone_is_named_as_such(described, tree):
    path = sorted((tree / "img" / "train").rglob("*.png"))[0]
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    done, _ = described(tree)
    assert f"{path.name} is not an image that can be read: it is a HEIC photo." in done.out


def test_rows_of_one_long_file_become_different_clips(described, tmp_path):
    """A tone that rises every half second."""
    rate = 8_000
    frequencies = 300 + 60 * np.arange(20)
    phase = np.cumsum(np.repeat(frequencies, rate // 2)) * 2 * np.pi / rate
    root = tmp_path / "mine"
    root.mkdir()
    rows = ["label,start_ms,audio,image"]
    for label in ("cello", "violin"):
        soundfile.write(root / f"{label}.wav", 0.3 * np.sin(phase), rate)
        for clip in range(20):
            name = f"{label}{clip}.png"
            Image.new("RGB", (32, 32), (clip, 0, 0)).save(root / name)
            rows.append(f"{label},{500 * clip},{label}.wav,{name}")
    (root / "manifest.csv").write_text("\n".join(rows))
    done, info = described(root)
    assert info["counts"]["train"] == {"cello": 20, "violin": 20}
    assert not info["skipped"]
    assert "38 clips begin at start_ms within their sound file" in done.err
    shards = [str(tmp_path / "made" / shard["name"]) for shard in info["shards"]["train"]]
    records = [
        tf.train.Example.FromString(record.numpy()).features.feature
        for record in tf.data.TFRecordDataset(shards)
    ]
    for record in records:
        samples = np.frombuffer(record["waveform"].bytes_list.value[0], "<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        peak = spectrum.argmax() * rate / len(samples)
        clip = record["start_ms"].int64_list.value[0] // 500
        assert abs(peak - frequencies[clip]) <= 4
