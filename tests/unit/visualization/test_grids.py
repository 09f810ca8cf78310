import numpy as np
import pytest

from cargan_tf.visualization.grids import (
    COLUMNS,
    HEADING,
    MARGIN,
    NAME_WIDTH,
    sample_grid,
    to_image,
    two_clips_per_label,
)

CLASSES = np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_two_players_stand_side_by_side(seed):
    players = ["a", "c", "a", "c", "b", "d"]
    rows = two_clips_per_label(CLASSES, ["r"] * 6, players, seed)
    assert [{players[index] for index in row} for row in rows] == [{"a", "b"}, {"c", "d"}]


@pytest.mark.parametrize("seed", range(5))
def test_one_player_s_two_recordings_stand_side_by_side(seed):
    recordings = ["r", "s", "r", "s", "t", "u"]
    rows = two_clips_per_label(CLASSES, recordings, ["a"] * 6, seed)
    assert [{recordings[i] for i in row} for row in rows] == [{"r", "t"}, {"s", "u"}]


def test_one_recording_s_two_clips_differ():
    rows = two_clips_per_label(CLASSES, ["r"] * 6, ["a"] * 6, seed=0)
    assert all(first != second for first, second in rows)
    assert [CLASSES[first] for first, _ in rows] == [0, 1]


def test_a_lone_clip_stands_beside_itself():
    assert two_clips_per_label(np.array([0]), ["r"], ["a"], seed=0) == [(0, 0)]


def grid_of(size):
    random = np.random.default_rng(0)
    shapes = [(4, size, size, channels) for channels in (1, 3, 3, 3)]
    spectrograms, *images = (random.uniform(-1, 1, s).astype(np.float32) for s in shapes)
    sheet = sample_grid([(0, 1), (2, 3)], ["cello", "double_bass"], spectrograms, *images)
    return sheet, spectrograms, images


@pytest.mark.parametrize(("size", "cell"), [(32, 128), (64, 128), (256, 256)])
def test_two_rows_of_two_sounds(size, cell):
    sheet, *_ = grid_of(size)
    width = NAME_WIDTH + 2 * len(COLUMNS) * (cell + MARGIN) + 2 * MARGIN
    assert sheet.size == (width, HEADING + 2 * (cell + MARGIN))


def test_cells_are_spectrogram_coarse_refined_and_real():
    sheet, spectrograms, images = grid_of(128)
    pixels = np.asarray(sheet)
    expected = [np.repeat(spectrograms[3, ::-1], 3, -1), *(image[3] for image in images)]
    for column, image in enumerate(expected):  # the second sound of the second row
        left = NAME_WIDTH + 2 * MARGIN + (len(COLUMNS) + column) * (128 + MARGIN)
        top = HEADING + 128 + MARGIN
        cell = pixels[top : top + 128, left : left + 128]
        np.testing.assert_array_equal(cell, np.asarray(to_image(image)))


def test_images_become_eight_bits():
    image = np.array([[[-1.0, 0.0, 1.0], [-1.2, 0.5, 1.2]]], np.float32)
    np.testing.assert_array_equal(to_image(image), [[[0, 128, 255], [0, 191, 255]]])
