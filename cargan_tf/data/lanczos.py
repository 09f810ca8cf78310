"""Pictures scaled down by Lanczos' filter as matrix products: Pillow's result, three times as fast.

Pillow weighs pixel by pixel; the products use the processor's vectors (docs/performance.md). The
filter is Pillow's own. Pillow rounds and clips once more in between, so results differ by 1 of 255,
and by more at places where the filter overshoots black or white: 2 numbers in 100,000.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cargan_tf.banded import BandedMatrix, Row

#: Lobes of the sinc on each side.
_LOBES = 3
#: Rows and columns of the result that are computed at once: what was fastest from 960×540 pixels to
#: 256×256 (docs/performance.md).
_ROWS, _COLUMNS = 4, 6
#: Places of a picture whose weights are kept: a data set has pictures of a few sizes.
_KEPT = 32


def scaled_down(
    pixels: NDArray[np.uint8], size: int, box: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """Stretch a part of a picture to a square.

    Args:
        pixels: [H, W, 3].
        size: pixels a side of the square, no more than the part has.
        box: left, upper, right and lower edge of the part; fractions count.

    Returns:
        [size, size, 3], as ``Image.resize`` with ``Resampling.LANCZOS`` and that ``box`` gives it,
        but for rounding.
    """
    height, width, colours = pixels.shape
    left, upper, right, lower = box
    rows = _vertical(height, size, upper, lower)
    columns = _horizontal(width, size, left, right, colours)
    scaled = columns.of_rows(rows.times(pixels.reshape(height, width * colours)))
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)  # the filter overshoots at edges
    return scaled.astype(np.uint8).reshape(size, size, colours)


@lru_cache(_KEPT)
def _vertical(height: int, size: int, upper: float, lower: float) -> BandedMatrix:
    """[size, height]."""
    return BandedMatrix(_bands(height, size, upper, lower), _ROWS, np.float32)


@lru_cache(_KEPT)
def _horizontal(width: int, size: int, left: float, right: float, colours: int) -> BandedMatrix:
    """[size · colours, width · colours]: colours stand side by side and do not mix."""
    rows: list[Row] = []
    for first, band in _bands(width, size, left, right):
        for colour in range(colours):
            apart = np.zeros((len(band) - 1) * colours + 1, np.float32)
            apart[::colours] = band
            rows.append((first * colours + colour, apart))
    return BandedMatrix(rows, _COLUMNS * colours, np.float32)


def _bands(length: int, size: int, start: float, stop: float) -> Iterator[Row]:
    """Weights of ``length`` pixels in each of ``size``, which lie between ``start`` and ``stop``.

    Where the filter reaches beyond the picture, the weights within make up for it.
    """
    scale = (stop - start) / size
    reach = _LOBES * scale
    for place in range(size):
        centre = start + (place + 0.5) * scale
        first = max(0, math.floor(centre - reach + 0.5))
        last = min(length, math.floor(centre + reach + 0.5))
        distances = (np.arange(first, last) - centre + 0.5) / scale
        band = np.where(
            np.abs(distances) < _LOBES, np.sinc(distances) * np.sinc(distances / _LOBES), 0.0
        )
        yield first, band / band.sum()
