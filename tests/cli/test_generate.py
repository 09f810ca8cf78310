import errno
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (64, 64)


@pytest.fixture
def generate(cargan, tiny_model, tmp_path):
    """Draws in a folder of its own with the tiny model."""

    def run(*words, label="violin"):
        return cargan("generate", *words, "--label", label, "--model", tiny_model, cwd=tmp_path)

    return run


def _is_picture(path):
    with Image.open(path) as image:
        image.load()
        return (image.format, image.mode, image.size) == ("PNG", "RGB", SIZE)


def test_with_no_other_option_the_model_in_this_folder_draws(
    cargan, tiny_model, tmp_path, write_sound
):
    shutil.copytree(tiny_model, tmp_path / "saved_models" / "tiny")
    write_sound("clip.wav")
    done = cargan("generate", "clip.wav", "--label", "violin", cwd=tmp_path)
    assert (done.status, done.out, done.err) == (0, "clip.png\n", "")
    assert _is_picture(tmp_path / "clip.png")


def test_out_names_the_picture(generate, write_sound, tmp_path):
    write_sound("clip.wav")
    assert generate("clip.wav", "-o", "new/picture.png").out == "new/picture.png\n"
    assert _is_picture(tmp_path / "new" / "picture.png")


def test_a_run_draws_as_its_export_does(cargan, generate, tiny_run, write_sound, tmp_path):
    write_sound("clip.wav")
    generate("clip.wav", "-o", "exported.png")
    words = ("--label", "violin", "--model", tiny_run, "-o", "run.png")
    assert cargan("generate", "clip.wav", *words, cwd=tmp_path).status == 0
    first, second = (
        np.asarray(Image.open(tmp_path / name), np.int16) for name in ("exported.png", "run.png")
    )
    assert np.abs(first - second).max() <= 1


def test_several_files_and_folders(generate, write_sound, tmp_path):
    for name in ("a.wav", "in/b.flac", "in/deep/c.ogg", "in/a.wav"):
        write_sound(name)
    done = generate("a.wav", "in", "-o", "out")
    assert done.status == 0, done.err
    assert done.out.splitlines() == ["out/a.png", "out/a.wav.png", "out/b.png", "out/c.png"]
    assert all(_is_picture(tmp_path / path) for path in done.out.splitlines())


@pytest.mark.parametrize("label", ["violin", "vn", "Violin", "fiddle"])
def test_a_label_may_be_a_name_in_common_use(generate, write_sound, label):
    assert generate(write_sound("clip.wav"), label=label).status == 0


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        ({"seconds": 0.2}, "shorter than a clip; 0.30 s of silence were added"),
        ({"samples": np.zeros(4000)}, "silent (-"),
        ({"samples": np.random.default_rng(0).normal(0, 0.1, 4000)}, "more like noise than notes"),
    ],
)
def test_a_doubtful_sound_is_drawn_with_a_warning(generate, write_sound, tmp_path, sound, said):
    write_sound("clip.wav", **sound)
    done = generate("clip.wav")
    assert done.status == 0
    assert done.err.startswith("clip.wav: ")
    assert said in done.err
    assert _is_picture(tmp_path / "clip.png")


def test_start_says_where_to_listen(generate, write_sound, tmp_path):
    loud_end = np.concatenate([np.zeros(8_000), np.sin(np.arange(4_000) * 0.3)])
    write_sound("clip.wav", samples=loud_end)
    assert generate("clip.wav").err == "", "the loudest half second is taken"
    assert "silent" in generate("clip.wav", "--start", 0).err


def test_a_start_beyond_the_end_is_refused(generate, write_sound):
    assert "99" in generate(write_sound("clip.wav"), "--start", 99).error


def test_an_unknown_label_is_answered_with_the_nearest(generate, write_sound, tmp_path):
    error = generate(write_sound("clip.wav"), label="violinn").error
    assert "unknown label 'violinn'. Did you mean 'violin'?" in error
    assert "Known labels: cello, flute, violin." in error
    assert not list(tmp_path.glob("*.png"))


def test_a_label_of_another_model_is_refused(generate, write_sound):
    assert "unknown label 'tuba'" in generate(write_sound("clip.wav"), label="tuba").error


def _text(path):
    path.write_text("these are words, not music")


def _empty(path):
    path.touch()


@pytest.mark.parametrize(
    ("make", "said"),
    [(_text, "cannot be read as sound"), (_empty, "cannot be read as sound")],
)
def test_a_file_that_is_no_sound_is_named(generate, tmp_path, make, said):
    make(tmp_path / "clip.wav")
    error = generate("clip.wav").error
    assert "clip.wav" in error
    assert said in error
    assert not (tmp_path / "clip.png").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_place(generate, write_sound, value):
    samples = np.zeros(8_000)
    samples[4_000] = value
    error = generate(write_sound("clip.wav", samples=samples)).error
    assert "clip.wav holds a NaN or infinite sample at 0.500 s" in error


def test_one_bad_sound_does_not_keep_others_from_being_drawn(generate, write_sound, tmp_path):
    write_sound("a.wav")
    _text(tmp_path / "b.wav")
    write_sound("c.wav")
    done = generate("a.wav", "b.wav", "c.wav")
    assert done.status == 2
    assert done.out == "a.png\nc.png\n"
    first, last = done.err.splitlines()
    assert first.startswith("Error: b.wav cannot be read as sound")
    assert last == "1 of 3 sounds could not be drawn."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.wav",), "missing.wav does not exist"),
        (("empty",), "empty holds no sound files"),
        (("a.wav", "-o", "picture.xyz"), "no picture format has the ending '.xyz'; use .png"),
        (("a.wav", "-o", "a.wav"), "no picture format has the ending '.wav'"),
        (("a.wav", "b.wav", "-o", "x.png"), "2 sounds cannot become the one picture x.png"),
        (("a.wav", "-o", "a.wav/x.png"), "a.wav/x.png cannot be written: "),
        (("a.wav", "--start", "-1"), "-1.0 is not in the range x>=0"),
    ],
)
def test_bad_input_is_named(generate, write_sound, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    write_sound("a.wav")
    write_sound("b.wav")
    assert said in generate(*words).error
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_to_is_named(generate, write_sound, tmp_path):
    write_sound("a.wav")
    (tmp_path / "out").mkdir(mode=0o500)
    assert "out/a.png cannot be written: Permission denied" in generate("a.wav", "-o", "out").error


def test_a_full_disk_is_named(generate, write_sound, monkeypatch):
    def full(*paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cargan_tf.files.os.replace", full)
    error = generate(write_sound("clip.wav")).error
    assert "clip.png cannot be written: No space left on device" in error


@pytest.mark.usefixtures("nothing_shipped")
@pytest.mark.parametrize("model", [None, Path("missing"), Path()])
def test_without_a_model_it_is_said_how_to_get_one(cargan, write_sound, tmp_path, model):
    write_sound("clip.wav")
    words = () if model is None else ("--model", model)
    error = cargan("generate", "clip.wav", "--label", "violin", *words, cwd=tmp_path).error
    assert "no trained model in" in error or "no model at" in error


def test_a_damaged_model_is_named(cargan, tiny_model, write_sound, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "1" / "model.json").write_text("{")
    words = ("--label", "violin", "--model", "model")
    error = cargan("generate", write_sound("clip.wav"), *words, cwd=tmp_path).error
    assert "model.json is missing or damaged: export the run again" in error


def test_in_a_process_of_its_own_nothing_else_is_said(
    cargan_process, tiny_model, write_sound, tmp_path
):
    write_sound("clip.wav")
    words = ("--label", "violin", "--model", tiny_model)
    done = cargan_process("generate", "clip.wav", *words, cwd=tmp_path)
    assert (done.status, done.out, done.err) == (0, "clip.png\n", "")


def _values(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_without_a_label_the_instrument_is_recognised_and_told(
    cargan, tiny_model, write_sound, tmp_path
):
    write_sound("clip.wav")
    done = cargan("generate", "clip.wav", "--model", tiny_model, cwd=tmp_path)
    assert (done.status, done.out) == (0, "clip.png\n")
    assert re.match(r"clip\.wav: sounds like (cello|flute|violin) \(\d+%\)\n", done.err)


def test_a_run_without_sound_classifier_asks_for_the_label(cargan, run, write_sound, tmp_path):
    shutil.rmtree(run / "sound_classifier")
    error = cargan("generate", write_sound("clip.wav"), "--model", run, cwd=tmp_path).error
    assert "no sound classifier" in error
    assert "name it, one of cello, flute, violin" in error


def test_json_tells_a_program_all_there_is(generate, write_sound, tmp_path):
    samples = np.concatenate([np.zeros(8_000), np.sin(np.arange(3_000) * 0.3)])
    write_sound("a.wav", samples=samples)
    _text(tmp_path / "b.wav")
    done = generate("a.wav", "b.wav", "--start", 1, "--json", label="vn")
    first, second = _values(done)
    assert first == {
        "path": "a.wav",
        "label": "violin",
        "label_weights": {"violin": 1.0},
        "confidence": None,
        "start": 1.0,
        "warnings": ["shorter than a clip; 0.12 s of silence were added"],
        "output": "a.png",
    }
    assert second["path"] == "b.wav"
    assert "cannot be read as sound" in second["error"]
    assert done.status == 2


def test_a_mix_of_labels(cargan, tiny_model, write_sound, tmp_path):
    write_sound("clip.wav")
    for mix, shares in (
        ("vn=1,cello=3", {"cello": 0.75, "violin": 0.25}),
        ("vn=0.3,cello=0.7", {"cello": 0.7, "violin": 0.3}),  # no float32 is either
    ):
        words = ("--label-mix", mix, "--json", "--model", tiny_model)
        (values,) = _values(cargan("generate", "clip.wav", *words, cwd=tmp_path))
        assert values["label_weights"] == shares


def test_two_sounds_are_mixed(cargan, tiny_model, write_sound, tmp_path):
    write_sound("a.wav")
    write_sound("b.wav", samples=np.sin(np.arange(4_000)))

    def drawn(*words):
        options = ("--model", tiny_model, "-o", "mix.png", "--label", "violin")
        assert cargan("generate", "a.wav", *options, *words, cwd=tmp_path).status == 0
        return np.asarray(Image.open(tmp_path / "mix.png"), np.int16)

    mix = ("--mix", "b.wav")
    alone, none, half, most = (
        drawn(*words) for words in ((), (*mix, "--alpha", 0), mix, (*mix, "--alpha", 0.9))
    )
    assert np.abs(none - alone).max() <= 1
    assert np.abs(half - alone).max() > 1
    assert np.abs(most - half).max() > 1


def test_all_pictures_on_one_sheet(generate, write_sound, tmp_path):
    for name in ("a.wav", "b.wav"):
        write_sound(name)
    done = generate("a.wav", "b.wav", "--sheet", "sheet.png")
    assert done.out.split() == ["a.png", "b.png"]
    drawn = np.asarray(Image.open(tmp_path / "b.png"))
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    times = 128 // drawn.shape[0]
    left = 12 + 128 + 4
    np.testing.assert_array_equal(sheet[12 : 12 + 128 : times, left : left + 128 : times], drawn)


def test_stages_are_drawn_side_by_side(generate, write_sound, tmp_path):
    write_sound("clip.wav")
    assert generate("clip.wav", "--stages").status == 0
    with Image.open(tmp_path / "clip.png") as image:
        assert image.width > 2 * image.height


def test_from_standard_input_to_standard_output(
    start_cargan, tiny_model, write_sound, generate, tmp_path
):
    sound = write_sound("clip.wav")
    generate("clip.wav")
    words = ("--label", "violin", "--model", tiny_model, "-o", "-")
    process = start_cargan("generate", "-", *words, cwd=tmp_path, binary_input=True)
    out, err = process.communicate(sound.read_bytes(), timeout=300)
    assert (process.returncode, err) == (0, b"")
    piped, written = (
        np.asarray(Image.open(source), np.int16)
        for source in (io.BytesIO(out), tmp_path / "clip.png")
    )
    assert np.abs(piped - written).max() <= 1


def test_a_recording_becomes_a_video(generate, write_sound, tmp_path):
    write_sound("tune.wav", seconds=1.2)
    done = generate("tune.wav", "--video", "tune.mp4", "--fps", 5, "--smooth", 0.2, "--json")
    assert done.status == 0, done.err
    (values,) = _values(done)
    assert (values["frames"], values["seconds"], values["output"]) == (6, 1.2, "tune.mp4")
    assert (tmp_path / "tune.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
def test_ffprobe_finds_ten_pictures_a_second_as_long_as_the_sound(generate, write_sound, tmp_path):
    write_sound("tune.wav", seconds=1.7, rate=44_100)
    assert generate("tune.wav", "--video", "tune.mp4").status == 0
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", "tune.mp4"]
    probed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    streams = {stream["codec_type"]: stream for stream in json.loads(probed.stdout)["streams"]}
    video, audio = streams["video"], streams["audio"]
    assert (video["codec_name"], video["avg_frame_rate"], video["nb_frames"]) == (
        *("h264", "10/1"),
        "17",
    )
    for stream in (video, audio):
        assert float(stream["start_time"]) == pytest.approx(0, abs=0.001)
        assert float(stream["duration"]) == pytest.approx(1.7, abs=0.001)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--label-mix", "violin"), "each label once with its share"),
        (("--label", "vn", "--label-mix", "vn=1"), "--label and --label-mix do not go together"),
        (("--mix", "missing.wav"), "missing.wav does not exist"),
        (("--mix", "a.wav", "--alpha", "2"), "2.0 is not in the range 0<=x<=1"),
        (("--alpha", "0.5"), "--alpha has no meaning without --mix"),
        (("--fps", "5"), "--fps has no meaning without --video"),
        (("--video", "x.avi"), "must end in .mp4 or .gif"),
        (("--video", "x.mp4", "--out", "y"), "--video and --out do not go together"),
        (("--video", "x.mp4", "--stages"), "--video and --stages do not go together"),
        (("b.wav", "--video", "x.mp4"), "2 sounds cannot become the one video x.mp4"),
        (("--video", "x.mp4", "--fps", "0"), "0 is not in the range 1<=x<=50"),
        (("-o", "-", "--json"), "leave out --json"),
        (("-", "--mix", "-"), "standard input holds one sound"),
        (("b.wav", "-o", "-"), "2 sounds cannot become the one picture -"),
    ],
)
def test_options_that_do_not_fit_are_named(cargan, tiny_model, write_sound, tmp_path, words, said):
    write_sound("a.wav")
    write_sound("b.wav")
    done = cargan("generate", "a.wav", *words, "--model", tiny_model, cwd=tmp_path)
    assert said in done.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]
