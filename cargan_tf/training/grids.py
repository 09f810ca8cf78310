"""Picture grids: what the networks draw from fixed sounds, beside the real photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Floats = NDArray[np.float32]

COLUMNS = ("spectrogram", "coarse", "refined", "real")
#: Cells are enlarged by a whole number until they are this wide, so that people can see them.
MINIMUM_CELL = 128
MARGIN = 4
HEADING = 22
NAME_WIDTH = 100
TEXT = (30, 30, 30)


def two_sounds_a_label(
    classes: NDArray[np.int64], recordings: Sequence[str], players: Sequence[str], seed: int
) -> list[tuple[int, int]]:
    """For each class the indices of two clips: of two players if known, else of two recordings."""
    random = np.random.default_rng(seed)
    pairs = []
    for label in np.unique(classes):
        members = random.permutation(np.flatnonzero(classes == label))
        first = int(members[0])
        others = [index for index in members if players[index] != players[first]]
        others = others or [index for index in members if recordings[index] != recordings[first]]
        pairs.append((first, int((others or members[::-1])[0])))
    return pairs


def picture_grid(
    rows: Sequence[tuple[int, int]],
    names: Sequence[str],
    spectrograms: Floats,
    coarse: Floats,
    refined: Floats,
    photos: Floats,
) -> Image.Image:
    """One row a label: its name, then twice spectrogram, coarse, refined and real.

    Args:
        rows: two indices into the arrays for each row.
        names: what stands at the left of each row.
        spectrograms: [N, S, S, 1] in [-1, 1], the lowest band first, or [N, S, S, 3], colours.
        coarse: [N, S, S, 3] in [-1, 1], as are ``refined`` and ``photos``.
    """
    size = spectrograms.shape[1]
    cell = size * max(1, -(-MINIMUM_CELL // size))
    half = len(COLUMNS) * (cell + MARGIN)
    width = NAME_WIDTH + 2 * half + 2 * MARGIN
    sheet = Image.new("RGB", (width, HEADING + len(rows) * (cell + MARGIN)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for side in range(2):
        left = NAME_WIDTH + side * (half + 2 * MARGIN)
        for column, title in enumerate(COLUMNS):
            pen.text((left + column * (cell + MARGIN) + 2, 3), title, TEXT, font)
    for row, (indices, name) in enumerate(zip(rows, names, strict=True)):
        top = HEADING + row * (cell + MARGIN)
        pen.text((4, top + cell // 2 - 8), name.replace("_", " "), TEXT, font)
        for side, index in enumerate(indices):
            left = NAME_WIDTH + side * (half + 2 * MARGIN)
            cells = (
                _shown(spectrograms[index]),
                coarse[index],
                refined[index],
                photos[index],
            )
            for column, picture in enumerate(cells):
                enlarged = to_image(picture).resize((cell, cell), Image.Resampling.NEAREST)
                sheet.paste(enlarged, (left + column * (cell + MARGIN), top))
    return sheet


def _shown(spectrogram: Floats) -> Floats:
    """In grey with low notes at the bottom; colours as the networks see them."""
    if spectrogram.shape[-1] == 3:
        return spectrogram
    return np.repeat(spectrogram[::-1], 3, axis=-1)


def to_image(picture: Floats) -> Image.Image:
    """A picture [H, W, 3] in [-1, 1] as an 8-bit image."""
    return Image.fromarray(np.clip(np.rint((picture + 1.0) * 127.5), 0, 255).astype(np.uint8))
