"""The jet colors that the authors' spectrogram images are drawn in."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = 256
"""Colors of the map; level k stands for the values from k/256 to (k + 1)/256."""

IMAGE_SIZE: Final = 256
"""Pixels a side of the images they published, whatever size their networks then read them at."""

#: Corners of matplotlib's jet: (value, color) of red, green and blue, straight lines between.
_CORNERS: Final = (
    ((0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)),
    ((0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)),
    ((0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)),
)


@cache
def jet_colors() -> NDArray[np.uint8]:
    """[256, 3]: the RGB color of each level, rounded down as matplotlib does."""
    values = np.linspace(0.0, 1.0, LEVELS)
    corners = [np.asarray(channel) for channel in _CORNERS]
    channels = [np.interp(values, corner[:, 0], corner[:, 1]) for corner in corners]
    return (np.stack(channels, axis=1) * 255).astype(np.uint8)
