"""Names for the types of arrays that several packages use."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

AnyArray: TypeAlias = NDArray[Any]
BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
#: Pixels of an image: a side of a square one, or height and width.
ImageSize: TypeAlias = int | tuple[int, int]
#: An image [H, W, 3], RGB, 0 to 255.
ImageArray: TypeAlias = NDArray[np.uint8]


def height_width(size: ImageSize) -> tuple[int, int]:
    """Height and width of images of that size, in pixels."""
    return (size, size) if isinstance(size, int) else size
