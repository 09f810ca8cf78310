"""What `cargan generate` refuses, and that it then leaves nothing."""

import errno
import os
import shutil

import numpy as np
import pytest
from helpers.cli import write_words


def test_a_start_beyond_the_end_is_refused(generate, write_sound):
    assert "99" in generate(write_sound("clip.wav"), "--start", 99).error


def _empty(path):
    path.touch()


@pytest.mark.parametrize(
    ("make", "said"),
    [(write_words, "cannot be read as sound"), (_empty, "is empty; expected a sound file")],
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
    write_words(tmp_path / "b.wav")
    write_sound("c.wav")
    done = generate("a.wav", "b.wav", "c.wav")
    assert done.status == 2
    assert done.out == "a.png\nc.png\n"
    first, last = done.err.splitlines()
    assert first.startswith("Error: b.wav cannot be read as sound")
    assert last == "1 of 3 sounds failed."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.wav",), "missing.wav does not exist"),
        (("empty",), "empty holds no sound files"),
        (("a.wav", "-o", "image.xyz"), "no image format has the ending '.xyz'; use .png"),
        (("a.wav", "-o", "a.wav"), "no image format has the ending '.wav'"),
        (("a.wav", "b.wav", "-o", "x.png"), "2 sounds cannot become the one image x.png"),
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

    monkeypatch.setattr("cargan_tf.utils.files.os.replace", full)
    error = generate(write_sound("clip.wav")).error
    assert "clip.png cannot be written: No space left on device" in error


@pytest.mark.usefixtures("nothing_shipped")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "/saved_models. Make one with 'cargan quickstart'"),
        (("--model", "missing"), "no model at missing"),
        (("--model", "."), "no model at .: expected"),
    ],
)
def test_without_a_model_it_is_said_how_to_get_one(cargan, write_sound, tmp_path, words, said):
    write_sound("clip.wav")
    assert said in cargan("generate", "clip.wav", "--label", "violin", *words, cwd=tmp_path).error


def test_a_damaged_model_is_named(cargan, tiny_model, write_sound, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "1" / "model.json").write_text("{")
    words = ("--label", "violin", "--model", "model")
    error = cargan("generate", write_sound("clip.wav"), *words, cwd=tmp_path).error
    assert "model.json is missing or damaged: export the run again" in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--label-mix", "violin"), "each label once with its weight"),
        (
            ("--label", "vn", "--label-mix", "vn=1"),
            "--label and --label-mix cannot be used together",
        ),
        (("--mix", "missing.wav"), "missing.wav does not exist"),
        (("--mix", "a.wav", "--alpha", "2"), "2.0 is not in the range 0<=x<=1"),
        (("--alpha", "0.5"), "--alpha requires --mix"),
        (("--fps", "5"), "--fps requires --video"),
        (("--video", "x.avi"), "must end in .mp4 or .gif"),
        (("--video", "x.mp4", "--out", "y"), "--video and --out cannot be used together"),
        (("--video", "x.mp4", "--stages"), "--video and --stages cannot be used together"),
        (("b.wav", "--video", "x.mp4"), "2 sounds cannot become the one video x.mp4"),
        (("--video", "x.mp4", "--fps", "0"), "0 is not in the range 1<=x<=50"),
        (("-o", "-", "--json"), "omit --json"),
        (("-", "--mix", "-"), "standard input holds one sound"),
        (("b.wav", "-o", "-"), "2 sounds cannot become the one image -"),
    ],
)
def test_options_that_do_not_fit_are_named(cargan, tiny_model, write_sound, tmp_path, words, said):
    write_sound("a.wav")
    write_sound("b.wav")
    done = cargan("generate", "a.wav", *words, "--model", tiny_model, cwd=tmp_path)
    assert said in done.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]
