import numpy as np
import pytest
from PIL import Image

from cargan_tf.data.images import resize_lanczos


def soft_image(width, height):
    """Colored patches that the filter's overshoot does not take to black or white."""
    small = np.random.default_rng(0).integers(40, 216, (height // 6, width // 6, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("sides", "size", "box"),
    [
        ((96, 54), 24, (0, 0, 96, 54)),
        ((96, 54), 25, (0, 0, 95.5, 53.25)),
        ((97, 61), 24, (97 / 3, 0, 2 * 97 / 3, 61)),
        ((64, 64), 64, (0, 0, 64, 64)),
    ],
)
def test_it_is_pillow_s_resize_but_for_rounding(sides, size, box):
    image = soft_image(*sides)
    expected = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box)).astype(int)
    found = resize_lanczos(np.asarray(image), size, box)
    assert found.dtype == np.uint8
    assert found.shape == (size, size, 3)
    assert np.abs(found - expected).max() <= 1


def test_overshoot_is_cut_off():
    edges = np.zeros((64, 64, 3), np.uint8)
    edges[:, 30:] = 255
    found = resize_lanczos(edges, 16, (0, 0, 64, 64))
    assert (found[:, :5] <= 1).all()
    assert (found[:, 11:] >= 254).all()
