"""Every kind of source from its files to records, and what the description says of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from cargan_tf.config.loading import override
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.data.records import parse
from cargan_tf.data.reference_spectrograms import read_jet_image

SAMPLE = Path(__file__).parents[4].parent / "shared" / "data" / "suburmp_sample"
needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="no ../shared/data/suburmp_sample")


class Notes:
    """A reporter that keeps the messages."""

    def __init__(self):
        from cargan_tf.utils.progress import SilentReporter

        self.task = SilentReporter().task
        self.messages = []

    def message(self, text):
        self.messages.append(text)


def records(info, path, split="train"):
    files = [str(path / shard.name) for shard in info.shards[split]]
    batch = tf.data.TFRecordDataset(files).batch(1000).get_single_element()
    audio, data = info.config.audio, info.config.data
    parsed = parse(batch, audio.n_mels, audio.frames, data.image_size)
    return {name: value.numpy() for name, value in parsed.items()}


@needs_sample
def test_the_real_spectrogram_images(tmp_path, config):
    notes = Notes()
    info = preprocess(SAMPLE, tmp_path / "out", config, workers=1, reporter=notes)
    assert info.source_kind == "authors"
    assert info.records("train") == 26
    assert len(info.labels) == 13
    assert not info.skipped
    assert info.recordings["train"]["violin"] == ("violin01",)
    audio = info.config.audio
    assert (audio.n_mels, audio.frames, audio.log_mel_scale) == (34, 128, "clip")
    change, unmeasured, single = notes.messages
    assert unmeasured.startswith("silence and noise were not measured")
    assert "holds spectrogram images, not sound: set audio.sample_rate = 44100" in change
    assert single.startswith("13 classes have a single recording, which is in train")
    assert info.notes == (unmeasured, single)

    read = records(info, tmp_path / "out")
    position = read["id"].tolist().index(b"violin/violin01/5300")
    expected = read_jet_image(SAMPLE / "spectrogram" / "violin" / "violin01_5300.png")
    np.testing.assert_array_equal(read["log_mel"][position], expected)
    assert 0 < info.statistics.mean[0] < 1
    std = read["log_mel"].astype(np.float64).std(axis=(0, 2))
    np.testing.assert_allclose(info.statistics.std, np.maximum(std, 0.01))
    batches = training_batches(info, tmp_path / "out", info.config, seed=0)
    spectrogram = next(iter(batches))["spectrogram"].numpy()
    assert spectrogram.shape == (4, 32, 32, 1)
    assert spectrogram.std() > 0.2


@needs_sample
def test_the_real_sound(tmp_path, config):
    """The wav and a photo of the same recording, in Sub-URMP's folders."""
    root = tmp_path / "Sub-URMP"
    for kind, source, suffix in (
        ("chunk", SAMPLE / "chunk/bassoon00_1000.wav", "wav"),
        ("img", SAMPLE / "img/bassoon/bassoon00_23700.jpg", "jpg"),
    ):
        target = root / kind / "train" / "bassoon" / f"bassoon00_1000.{suffix}"
        target.parent.mkdir(parents=True)
        shutil.copyfile(source, target)
    real = override(config, ["audio.sample_rate=44100", "audio.n_fft=2048"])
    info = preprocess(root, tmp_path / "out", real, workers=1)
    assert info.counts == {"train": {"bassoon": 1}}
    # A second into the recording the player still rests: one of the paper's failure cases.
    assert info.silent == {"train": {"bassoon": 1}}
    assert info.padded == {"train": {"bassoon": 0}}


def test_raw_urmp(tmp_path, config, write_video):
    """Two players side by side, the left one red and the right one blue."""
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, :32, 0] = frame[:, 32:, 2] = 200
    root = tmp_path / "URMP"
    for number in range(5):
        folder = root / f"0{number}_Duo_vn_vc"
        write_video(folder / f"Vid_0{number}_Duo.mp4", 2.0, image=lambda _: frame)
        for track, code in enumerate(("vn", "vc"), 1):
            times = np.arange(16_000) / 8_000
            path = folder / f"AuSep_{track}_{code}_0{number}_Duo.wav"
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * 200 * track * times), 8_000)
    info = preprocess(root, tmp_path / "out", config, workers=1)
    assert info.source_kind == "urmp"
    assert info.counts == {
        "train": {"cello": 12, "violin": 12},
        "validation": {"cello": 4, "violin": 4},
        "test": {"cello": 4, "violin": 4},
    }
    pieces = {
        split: {name.rpartition("-")[0] for names in labels.values() for name in names}
        for split, labels in info.recordings.items()
    }
    assert [len(pieces[split]) for split in ("train", "validation", "test")] == [3, 1, 1]
    assert len(set.union(*pieces.values())) == 5
    read = records(info, tmp_path / "out")
    for label, photo in zip(read["label"], read["photo"], strict=True):
        red, _, blue = photo[:, 4:28].mean(axis=(0, 1))  # codecs blur where the halves meet
        assert (red > 150, blue > 150) == ((False, True), (True, False))[label]


def test_videos_with_sound(tmp_path, config, write_video):
    root = tmp_path / "set"
    rows = []
    for number in range(3):
        for label, frequency in (("cello", 300.0), ("flute", 900.0)):
            write_video(root / "video" / f"{label}{number}.mp4", 2.0, frequency=frequency)
            rows.append(f"{label}{number},0,{label},train")
    write_video(root / "video" / "mute.mp4", 2.0, frequency=None)
    rows.append("mute,0,cello,train")
    (root / "vggsound.csv").write_text("\n".join(rows))
    info = preprocess(root, tmp_path / "out", config, workers=1)
    assert info.source_kind == "videos"
    assert info.counts == {"train": {"cello": 12, "flute": 12}}
    assert [item.why for item in info.skipped] == ["video/mute.mp4 has no sound"]
    assert info.silent["train"] == {"cello": 6, "flute": 6}  # the tone sets in at 1 s
    read = records(info, tmp_path / "out")
    playing = read["rms_db"] > -50
    loudest = read["log_mel"].mean(axis=2).argmax(axis=1)
    assert (
        loudest[playing & (read["label"] == 0)].max()
        < loudest[playing & (read["label"] == 1)].min()
    )
    assert read["photo"][read["start_ms"] == 0].mean() == pytest.approx(40, abs=3)
    assert read["photo"][read["start_ms"] == 1500].mean() == pytest.approx(100, abs=3)


def test_several_frames_of_a_video_share_a_training_sound(tmp_path, config, write_video):
    root = tmp_path / "set"
    rows = ["video,label,start,end,split"]
    for split in ("train", "test"):
        for label in ("cello", "flute"):
            write_video(root / f"{label}_{split}.mp4", 2.0)
            rows.append(f"{label}_{split},{label},0,2,{split}")
    (root / "table.csv").write_text("\n".join(rows))
    several = override(config, ["data.frames_per_clip=2"])
    info = preprocess(root, tmp_path / "out", several, workers=1)
    assert info.counts == {"train": {"cello": 8, "flute": 8}, "test": {"cello": 4, "flute": 4}}
    read = records(info, tmp_path / "out")
    cello = {
        int(start): index
        for index, (start, label) in enumerate(zip(read["start_ms"], read["label"], strict=True))
        if label == 0
    }
    assert sorted(cello) == [0, 250, 500, 750, 1000, 1250, 1500, 1750]
    for start in (1000, 1500):
        first, second = cello[start], cello[start + 250]
        np.testing.assert_array_equal(read["log_mel"][first], read["log_mel"][second])
        # 40 levels brighter each second
        assert read["photo"][second].mean() - read["photo"][first].mean() == pytest.approx(
            10, abs=3
        )


def test_a_manifest_without_splits(tree, tmp_path, config):
    rows = ["label,recording,start_ms,audio,image"]
    for path in sorted(tree.glob("chunk/*/*/*.wav")):
        image = path.relative_to(tree).with_suffix(".jpg").as_posix().replace("chunk", "img", 1)
        recording, start = path.stem.rsplit("_", 1)
        audio = path.relative_to(tree).as_posix()
        rows.append(f"{path.parent.name},{recording},{start},{audio},{image}")
    (tree / "manifest.csv").write_text("\n".join(rows))
    info = preprocess(tree, tmp_path / "out", config, workers=1)
    assert {split: info.records(split) for split in info.shards} == {
        "train": 24,
        "validation": 12,
        "test": 12,
    }
    assert all(len(names) == 2 for names in info.recordings["train"].values())
    assert not info.shared_recordings


def test_other_labels_than_instruments(tree, tmp_path, config):
    (tree / "manifest.csv").write_text(
        "split,label,recording,start_ms,audio,image\n"
        "train,Dog barking,a,0,chunk/train/cello/cello00_0.wav,img/train/cello/cello00_0.jpg\n"
        "train,rain,b,0,chunk/train/flute/flute00_0.wav,img/train/flute/flute00_0.jpg\n"
    )
    assert preprocess(tree, tmp_path / "out", config, workers=1).labels == ("Dog barking", "rain")


def test_silent_clips_are_left_out_on_request(tree, tmp_path, config):
    for start in (0, 500):
        silent = tree / f"chunk/train/cello/cello00_{start}.wav"
        soundfile.write(silent, np.zeros(4_000), 8_000)
    dropping = override(config, ["data.drop_silent=true"])
    info = preprocess(tree, tmp_path / "out", dropping, workers=1)
    assert info.counts["train"] == {"cello": 6, "flute": 8, "violin": 8}
    assert info.dropped_silent["train"] == {"cello": 2, "flute": 0, "violin": 0}
    assert not any(info.silent["train"].values())
    assert {item.what for item in info.skipped} == {
        "train/cello/cello00/0",
        "train/cello/cello00/500",
    }
    assert {item.why for item in info.skipped} == {"silent: -120 dB of full scale"}


def test_an_image_that_is_no_spectrogram_is_left_out_by_name(tmp_path, config):
    from cargan_tf.data.reference_spectrograms import render_jet_image

    root = tmp_path / "set"
    for kind in ("spectrogram", "img"):
        for start in (0, 500):
            path = root / kind / "cello" / f"cello00_{start}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (256, 256), "white").save(path)
    ramp = np.linspace(0, 1, 34)[:, None] * np.linspace(0.5, 1, 128)
    render_jet_image(ramp).save(root / "spectrogram/cello/cello00_0.png")
    info = preprocess(root, tmp_path / "out", config, workers=1)
    assert info.counts == {"train": {"cello": 1}}
    (item,) = info.skipped
    assert item.what == "train/cello/cello00/500"
    assert "cello00_500.png is not in jet colors" in item.why
