"""Products with a matrix whose rows are zero but for a band: filters that reach a few neighbors.

A dense product would spend nearly all of its time on zeros, a sparse one cannot use the processor's
vectors. Here a few neighboring rows at a time are dense over the columns that they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One row of the matrix: the column its band begins at, and the band.
Row = tuple[int, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Block:
    rows: slice
    columns: slice
    weights: NDArray[Any]  # [rows, columns]
    transposed: NDArray[Any]  # [columns, rows], laid out so: a product is then faster


class BandedMatrix:
    """A matrix [M, N], of which N is not told: it is the caller's to bring enough columns."""

    def __init__(self, rows: Iterable[Row], block_rows: int, dtype: type[np.floating[Any]]) -> None:
        """Lay out the matrix.

        Args:
            rows: M of them.
            block_rows: neighboring rows that are multiplied at once. Few have fewer zeros, many
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
        """[M, N] times [N, K], of any type of number: [M, K].

        Only a part of ``columns`` is brought to ``dtype`` at a time, so images may stay bytes.
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
        """[K, N] times the transposed: [K, M], into ``out`` where it is given."""
        product = np.empty((rows.shape[0], self.count), self.dtype) if out is None else out
        for block in self._blocks:
            np.matmul(rows[:, block.columns], block.transposed, out=product[:, block.rows])
        return product


#: Blocks for which ``times`` converts columns together: their bands overlap.
_GROUP = 8


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
