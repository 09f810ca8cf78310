import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def explore(cargan, tiny_model, tmp_path):
    def run(*words):
        return cargan("explore", *words, "--model", tiny_model, cwd=tmp_path)

    return run


def test_a_sheet_has_a_row_a_label_and_a_column_a_loudness(explore, write_sound, tmp_path):
    write_sound("clip.wav")
    assert explore("clip.wav").out == "clip_explore.png\n"
    with Image.open(tmp_path / "clip_explore.png") as sheet:
        assert sheet.height > 3 * 128
        assert sheet.width > 6 * 128


def test_a_walk_has_as_many_steps_as_asked_for(explore, write_sound, tmp_path):
    write_sound("a.wav")
    write_sound("b.wav", samples=np.sin(np.arange(4_000)))
    labels = ("--label", "vn", "--other-label", "cello")
    for steps in (2, 5):
        done = explore(
            "a.wav", "--interpolate", "b.wav", "--steps", steps, *labels, "-o", f"{steps}.png"
        )
        assert done.status == 0, done.err
    few, many = (Image.open(tmp_path / f"{steps}.png") for steps in (2, 5))
    assert many.height == few.height > 4 * 128
    assert many.width - few.width >= 2 * 128


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.wav",), "missing.wav does not exist"),
        (("a.wav", "--interpolate", "missing.wav"), "missing.wav does not exist"),
        (("-", "--interpolate", "-"), "standard input holds one sound: name a file for the other"),
        (("a.wav", "--steps", "5"), "--steps requires --interpolate"),
        (("a.wav", "--label", "violin"), "--label requires --interpolate"),
        (("a.wav", "--interpolate", "a.wav", "--label", "kazoo"), "unknown label 'kazoo'"),
        (("a.wav", "--interpolate", "a.wav", "--steps", "1"), "1 is not in the range 2<=x<=99"),
        (("a.wav", "-o", "sheet.xyz"), "no image format has the ending '.xyz'"),
    ],
)
def test_bad_input_is_named(explore, write_sound, tmp_path, words, said):
    write_sound("a.wav")
    assert said in explore(*words).error
    assert not list(tmp_path.glob("*.png"))
