import shutil

import numpy as np
import pytest
from helpers.cli import is_image
from PIL import Image


@pytest.mark.usefixtures("nothing_shipped")
def test_with_no_other_option_the_model_in_this_folder_draws(
    cargan, tiny_model, tmp_path, write_sound
):
    shutil.copytree(tiny_model, tmp_path / "saved_models" / "tiny")
    write_sound("clip.wav")
    done = cargan("generate", "clip.wav", "--label", "violin", cwd=tmp_path)
    assert (done.status, done.out) == (0, "clip.png\n")
    assert done.err == "Model: tiny version 1 (64×64)\n"
    assert is_image(tmp_path / "clip.png")


def test_the_shipped_model_draws_though_a_smaller_one_was_exported_here(
    cargan, tiny_model, tmp_path, write_sound
):
    shutil.copytree(tiny_model, tmp_path / "saved_models" / "quickstart")
    write_sound("clip.wav")
    done = cargan("generate", "clip.wav", "--label", "violin", cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.err.splitlines()[0] == "Model: players-128 version 1 (128×128, shipped)"
    with Image.open(tmp_path / "clip.png") as image:
        assert image.size == (128, 128)


def test_out_names_the_image(generate, write_sound, tmp_path):
    write_sound("clip.wav")
    assert generate("clip.wav", "-o", "new/image.png").out == "new/image.png\n"
    assert is_image(tmp_path / "new" / "image.png")


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
    assert all(is_image(tmp_path / path) for path in done.out.splitlines())


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
    assert is_image(tmp_path / "clip.png")


def test_start_says_where_to_listen(generate, write_sound, tmp_path):
    loud_end = np.concatenate([np.zeros(8_000), np.sin(np.arange(4_000) * 0.3)])
    write_sound("clip.wav", samples=loud_end)
    said = generate("clip.wav").err.splitlines()
    waiting = {"Loading the model …", "Generating 1 image …"}
    assert set(said) <= waiting, "the loudest half second is taken"
    assert "silent" in generate("clip.wav", "--start", 0).err


def test_two_sounds_are_mixed(cargan, tiny_model, write_sound, tmp_path):
    write_sound("a.wav")
    write_sound("b.wav", samples=np.sin(np.arange(4_000)))

    def generated(*words):
        options = ("--model", tiny_model, "-o", "mix.png", "--label", "violin")
        assert cargan("generate", "a.wav", *options, *words, cwd=tmp_path).status == 0
        return np.asarray(Image.open(tmp_path / "mix.png"), np.int16)

    mix = ("--mix", "b.wav")
    alone, none, half, most = (
        generated(*words) for words in ((), (*mix, "--alpha", 0), mix, (*mix, "--alpha", 0.9))
    )
    assert np.abs(none - alone).max() <= 1
    assert np.abs(half - alone).max() > 1
    assert np.abs(most - half).max() > 1


def test_all_images_on_one_sheet(generate, write_sound, tmp_path):
    for name in ("a.wav", "b.wav"):
        write_sound(name)
    done = generate("a.wav", "b.wav", "--grid", "sheet.png")
    assert done.out.split() == ["a.png", "b.png"]
    generated = np.asarray(Image.open(tmp_path / "b.png"))
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    times = 128 // generated.shape[0]
    left = 12 + 128 + 4
    np.testing.assert_array_equal(
        sheet[12 : 12 + 128 : times, left : left + 128 : times], generated
    )


def test_stages_are_drawn_side_by_side(generate, write_sound, tmp_path):
    write_sound("clip.wav")
    assert generate("clip.wav", "--stages").status == 0
    with Image.open(tmp_path / "clip.png") as image:
        assert image.width > 2 * image.height
