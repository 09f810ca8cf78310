import numpy as np
import pytest
from PIL import Image

from cargan_tf.data.images import read_photo

#: 16:9, red at the left and right edge, green at the top and bottom, blue in the middle.
WIDE = np.zeros((90, 160, 3), np.uint8)
WIDE[..., 2] = 255
WIDE[:, :10] = WIDE[:, -10:] = (255, 0, 0)
WIDE[:10] = WIDE[-10:] = (0, 255, 0)


@pytest.fixture(params=["png", "jpg"])
def wide(request, tmp_path):
    path = tmp_path / f"wide.{request.param}"
    Image.fromarray(WIDE.repeat(8, 0).repeat(8, 1)).save(path, quality=95)
    return path


def near(pixel, color):
    return np.abs(pixel.astype(int) - color).max() < 40


RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


@pytest.mark.parametrize("fit", ["squeeze", "crop", "letterbox"])
def test_of_its_own_shape_nothing_is_lost(wide, fit):
    photo = read_photo(wide, (144, 256), fit=fit)
    assert photo.shape == (144, 256, 3)
    assert near(photo[72, 4], RED)
    assert near(photo[72, -5], RED)
    assert near(photo[4, 128], GREEN)
    assert near(photo[72, 128], BLUE)


def test_squeezed_into_a_square_all_of_it_is_there(wide):
    photo = read_photo(wide, 64)
    assert near(photo[32, 1], RED)
    assert near(photo[2, 32], GREEN)


def test_cropped_to_a_square_the_sides_are_gone(wide):
    photo = read_photo(wide, 64, fit="crop")
    assert near(photo[32, 1], BLUE)
    assert near(photo[32, -2], BLUE)
    assert near(photo[2, 32], GREEN)


def test_letterboxed_into_a_square_there_are_bars_and_all_of_it(wide):
    photo = read_photo(wide, 64, fit="letterbox")
    rows = np.flatnonzero(photo.sum(axis=(1, 2)) > 3_000)
    assert (rows[0], rows[-1]) == (14, 49), "36 rows of 64 for 16:9"
    assert near(photo[4, 32], BLACK)
    assert near(photo[-5, 32], BLACK)
    assert near(photo[32, 1], RED)
    assert near(photo[16, 32], GREEN)


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_a_high_image_in_a_wide_one(tmp_path, fit):
    Image.fromarray(WIDE.transpose(1, 0, 2)).save(tmp_path / "high.png")
    photo = read_photo(tmp_path / "high.png", (64, 128), fit=fit)
    assert photo.shape == (64, 128, 3)
    if fit == "crop":
        assert near(photo[32, 2], GREEN)
        assert near(photo[1, 64], BLUE)
    else:
        columns = np.flatnonzero(photo.sum(axis=(0, 2)) > 3_000)
        assert (columns[0], columns[-1]) == (46, 81), "36 columns of 128 for 9:16"


def test_a_strip_is_fitted_by_itself(wide):
    left = read_photo(wide, 64, (0, 2), fit="crop")
    assert near(left[32, 2], RED)
    assert near(left[32, -3], BLUE)
