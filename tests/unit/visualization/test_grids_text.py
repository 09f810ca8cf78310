import unicodedata

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cargan_tf.visualization.grids import fitted_text, font_of


def drawn(text, size=13, width=200, max_lines=2):
    canvas = Image.new("L", (width + 40, 120), 255)
    fitted_text(text, size, width, max_lines).draw(ImageDraw.Draw(canvas), (0, 0), 0)
    return np.asarray(canvas)


def box(letter):
    """What a font shows for a letter that it lacks."""
    font = font_of(20)
    return font.getmask(letter).getbbox(), bytes(font.getmask(letter))


@pytest.mark.parametrize("letter", "äöüßÄÖÜéèçñåøłžğőіжщЯΩλ−–…’")
def test_letters_of_europe_are_no_boxes(letter):
    assert box(letter) != box("\U0010fffd")


def test_a_decomposed_name_is_drawn_as_the_composed_one():
    composed = "Flöte Übung"
    decomposed = unicodedata.normalize("NFD", composed)
    np.testing.assert_array_equal(drawn(decomposed), drawn(composed))


@pytest.mark.parametrize("max_lines", [1, 2, 3])
@pytest.mark.parametrize("text", ["violin", "a" * 200, "one_two-three/four five " * 8, "Ä" * 90])
def test_nothing_leaves_its_place(text, max_lines):
    fitted = fitted_text(text, 13, 120, max_lines)
    assert 1 <= len(fitted.lines) <= max_lines
    assert all(fitted.font.getlength(line) <= 120 for line in fitted.lines)
    assert (drawn(text, width=120, max_lines=max_lines)[:, 122:] == 255).all()


def test_a_name_is_broken_after_a_word_before_it_is_shortened():
    fitted = fitted_text("train/violin/violin01_second_take/500", 13, 160, 2)
    assert "".join(fitted.lines) == "train/violin/violin01_second_take/500"
    assert fitted.lines[0][-1] in "/_"


def test_what_fits_no_way_keeps_its_beginning_and_end():
    fitted = fitted_text("begin" + "x" * 300 + "end", 13, 120, 2)
    whole = "".join(fitted.lines)
    assert whole.startswith("begin")
    assert whole.endswith("end")
    assert "…" in whole


def test_a_height_holds_all_lines():
    one, two = (fitted_text(text, 13, 60, 3) for text in ("Äg", "Äg Äg Äg Äg Äg"))
    assert len(two.lines) > 1
    assert two.height >= one.height * len(two.lines)
