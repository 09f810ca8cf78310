"""Names for the types of arrays that several packages use."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

AnyArray: TypeAlias = NDArray[Any]
BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
#: An image [H, W, 3], RGB, 0 to 255.
ImageArray: TypeAlias = NDArray[np.uint8]
