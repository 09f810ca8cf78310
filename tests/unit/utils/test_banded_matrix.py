import numpy as np
import pytest

from cargan_tf.utils.banded_matrix import BandedMatrix

WIDTH = 40


@pytest.fixture
def rows():
    """23 bands of 1 to 7 numbers, that neither ascend nor end evenly."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 8, 23)
    return [(int(random.integers(0, WIDTH - n + 1)), random.normal(size=n)) for n in lengths]


def dense(rows):
    matrix = np.zeros((len(rows), WIDTH))
    for row, (first, band) in enumerate(rows):
        matrix[row, first : first + len(band)] = band
    return matrix


@pytest.mark.parametrize("block_rows", [1, 2, 5, 40])
def test_products_are_those_of_the_dense_matrix(rows, block_rows):
    matrix = BandedMatrix(rows, block_rows, np.float64)
    values = np.random.default_rng(1).normal(size=(WIDTH, 6))
    np.testing.assert_allclose(matrix.times(values), dense(rows) @ values)
    np.testing.assert_allclose(matrix.of_rows(values.T), values.T @ dense(rows).T)


def test_bytes_are_taken_as_numbers(rows):
    matrix = BandedMatrix(rows, 4, np.float32)
    pixels = np.random.default_rng(2).integers(0, 256, (WIDTH, 9), np.uint8)
    product = matrix.times(pixels)
    assert product.dtype == np.float32
    np.testing.assert_allclose(product, dense(rows) @ pixels, rtol=1e-4, atol=1e-3)


def test_the_result_can_go_where_it_belongs(rows):
    matrix = BandedMatrix(rows, 3, np.float64)
    values, position = np.ones((2, WIDTH)), np.full((2, len(rows)), np.nan)
    assert matrix.of_rows(values, out=position) is position
    np.testing.assert_allclose(position, values @ dense(rows).T)
