"""Products with a banded matrix, such as a resampling filter or a mel filter bank.

A dense product would mostly multiply zeros, and a sparse one cannot use SIMD. Here blocks of
adjacent rows are dense over the columns that they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One row: the first column of its band, and the band's values.
Row = tuple[int, NDArray[Any]]


#: Blocks whose overlapping columns ``times`` converts together.
_GROUP = 8


@dataclass(frozen=True, eq=False)
class _Block:
    rows: slice
    columns: slice
    weights: NDArray[Any]  # [rows, columns]
    transposed: NDArray[Any]  # [columns, rows], contiguous, which makes the product faster


class BandedMatrix:
    """A matrix [M, N]; N is implicit, so operands must have enough columns."""

    def __init__(self, rows: Iterable[Row], block_rows: int, dtype: type[np.floating[Any]]) -> None:
        """Build the blocks.

        Args:
            rows: the M rows.
            block_rows: adjacent rows per product. Small blocks hold fewer zeros, large ones need
                fewer products.
            dtype: of the weights and the products.
        """
        self.dtype = np.dtype(dtype)
        bands = list(rows)
        self.count = len(bands)
        self._blocks = [
            _block(first, bands[first : first + block_rows], self.dtype)
            for first in range(0, len(bands), block_rows)
        ]

    def times(self, columns: NDArray[Any]) -> NDArray[Any]:
        """[M, N] times [N, K] of any numeric type: [M, K].

        ``columns`` is converted to ``dtype`` part by part, so that images may stay uint8.
        """
        product = np.empty((self.count, columns.shape[1]), self.dtype)
        for together in _in_groups(self._blocks):
            first = min(block.columns.start for block in together)
            last = max(block.columns.stop for block in together)
            part = columns[first:last].astype(self.dtype)
            for block in together:
                seen = part[block.columns.start - first : block.columns.stop - first]
                np.matmul(block.weights, seen, out=product[block.rows])
        return product

    def of_rows(self, rows: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """[K, N] times the transpose: [K, M], written to ``out`` if given."""
        product = np.empty((rows.shape[0], self.count), self.dtype) if out is None else out
        for block in self._blocks:
            np.matmul(rows[:, block.columns], block.transposed, out=product[:, block.rows])
        return product


def _in_groups(blocks: list[_Block]) -> Iterator[list[_Block]]:
    for first in range(0, len(blocks), _GROUP):
        yield blocks[first : first + _GROUP]


def _block(first: int, bands: list[Row], dtype: np.dtype[Any]) -> _Block:
    start = min(begin for begin, _ in bands)
    stop = max(begin + len(band) for begin, band in bands)
    weights = np.zeros((len(bands), stop - start), dtype)
    for row, (begin, band) in enumerate(bands):
        weights[row, begin - start : begin - start + len(band)] = band
    rows, columns = slice(first, first + len(bands)), slice(start, stop)
    return _Block(rows, columns, weights, np.ascontiguousarray(weights.T))
