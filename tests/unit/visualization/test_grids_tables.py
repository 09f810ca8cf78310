import itertools

import numpy as np
import pytest

from cargan_tf.visualization.grids import MINIMUM_CAPTIONED_CELL, captioned_grid, labeled_grid

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8)


def sheet(size=32, rows=("one", "two\nmore of two"), columns=("left", "right"), title="A title"):
    images = [[np.full((size, size, 3), color, np.uint8) for color in row] for row in COLOURS]
    return np.asarray(labeled_grid(title, rows, columns, images))


def positions(image, color):
    """Rows and columns that the color covers."""
    found = np.argwhere((image == color).all(-1))
    return found.min(0), found.max(0) + 1


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_each_image_is_whole_and_in_its_row_and_column(size):
    image = sheet(size)
    (first, last), (above, below) = (
        [positions(image, COLOURS[row, column]) for column in (0, 1)] for row in (0, 1)
    )
    side = first[1] - first[0]
    assert side[0] == side[1] >= MINIMUM_CAPTIONED_CELL
    assert side[0] % size == 0, "enlarged by a whole number"
    assert first[0][0] == last[0][0]
    assert first[1][1] < last[0][1]
    assert first[1][0] < above[0][0]
    assert first[0][1] == above[0][1]
    assert below[1][0] < image.shape[0]
    assert below[1][1] < image.shape[1]


def test_names_stand_beside_and_above():
    named, bare = sheet(), sheet(rows=("", ""), columns=("", ""), title="")
    top, left = positions(named, COLOURS[0, 0])[0]
    assert (named[:top] < 128).any(), "title and columns"
    assert (named[top:, :left] < 128).any(), "rows"
    top, left = positions(bare, COLOURS[0, 0])[0]
    assert (bare[:top] == 255).all()
    assert (bare[top:, :left] == 255).all()


def test_a_long_name_keeps_to_its_column():
    image = sheet(columns=("a very long name of a recording from somewhere.wav", ""))
    top, _ = positions(image, COLOURS[0, 0])[0]
    _, right = positions(image, COLOURS[0, 1])[0]
    assert (image[30:top, right:] == 255).all()


def test_a_long_title_is_not_cut():
    image = sheet(title="m" * 80)
    assert (image[:, -8:] == 255).all()


def test_captioned_images_follow_each_other_row_by_row():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((64, 64, 3), color, np.uint8) for color in colors]
    image = np.asarray(captioned_grid(["cello", "flute", "horn"], images, columns=2))
    first, second, third = (positions(image, np.array(color)) for color in colors)
    assert (first[1] - first[0]).tolist() == [128, 128], "enlarged by a whole number"
    assert first[0][0] == second[0][0] < third[0][0]
    assert first[0][1] == third[0][1] < second[0][1]
    below = image[first[1][0] : third[0][0], : second[0][1]]
    assert (below < 128).any(), "the name"


def test_fewer_images_than_columns_leave_no_empty_place():
    one = np.asarray(captioned_grid(["cello"], [np.zeros((128, 128, 3), np.uint8)]))
    assert one.shape[1] < 2 * 128


def test_letters_of_other_alphabets_are_told_apart():
    names = ["скрипка", "виолонч", "−−−−−−", "++++++"]
    images = [np.zeros((128, 128, 3), np.uint8)] * 4
    captions = np.asarray(captioned_grid(names, images))[140:]
    parts = [captions[:, 12 + 132 * index :][:, :128] for index in range(4)]
    assert all((one != other).any() for one, other in itertools.combinations(parts, 2))
