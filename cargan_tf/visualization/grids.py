"""Image grids: generated images next to the real photos, tables of images, captioned images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cargan_tf.utils.arrays import FloatArray, ImageArray
from cargan_tf.visualization.plots import INK

COLUMNS = ("spectrogram", "coarse", "refined", "real")
#: Cells are enlarged by a whole number until they are this wide, so that people can see them.
MINIMUM_CELL = 128
MARGIN = 4
HEADING = 22
NAME_WIDTH = 100
TEXT = (30, 30, 30)
#: Of the grids for documents, in pixels.
MINIMUM_CAPTIONED_CELL = 112
EDGE = 12
TITLE_SIZE = 18
TEXT_SIZE = 13
CAPTIONED_COLUMNS = 7
MUTED = "#5b6570"


def two_clips_per_label(
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


def sample_grid(
    rows: Sequence[tuple[int, int]],
    names: Sequence[str],
    spectrograms: FloatArray,
    coarse: FloatArray,
    refined: FloatArray,
    photos: FloatArray,
) -> Image.Image:
    """One row a label: its name, then twice spectrogram, coarse, refined and real.

    Args:
        rows: two indices into the arrays for each row.
        names: what stands at the left of each row.
        spectrograms: [N, H, W, 1] in [-1, 1], the lowest band first, or [N, H, W, 3], colors.
        coarse: [N, H, W, 3] in [-1, 1], as are ``refined`` and ``photos``.
    """
    cell, high = _cell(spectrograms.shape[1:3], MINIMUM_CELL)
    half = len(COLUMNS) * (cell + MARGIN)
    width = NAME_WIDTH + 2 * half + 2 * MARGIN
    grid = Image.new("RGB", (width, HEADING + len(rows) * (high + MARGIN)), "white")
    pen = ImageDraw.Draw(grid)
    font = ImageFont.load_default(14)
    for side in range(2):
        left = NAME_WIDTH + side * (half + 2 * MARGIN)
        for column, title in enumerate(COLUMNS):
            pen.text((left + column * (cell + MARGIN) + 2, 3), title, TEXT, font)
    for row, (indices, name) in enumerate(zip(rows, names, strict=True)):
        top = HEADING + row * (high + MARGIN)
        pen.text((4, top + high // 2 - 8), name.replace("_", " "), TEXT, font)
        for side, index in enumerate(indices):
            left = NAME_WIDTH + side * (half + 2 * MARGIN)
            cells = (
                _shown(spectrograms[index]),
                coarse[index],
                refined[index],
                photos[index],
            )
            for column, image in enumerate(cells):
                enlarged = to_image(image).resize((cell, high), Image.Resampling.NEAREST)
                grid.paste(enlarged, (left + column * (cell + MARGIN), top))
    return grid


def _shown(spectrogram: FloatArray) -> FloatArray:
    """In gray with low notes at the bottom; colors as the networks see them."""
    if spectrogram.shape[-1] == 3:
        return spectrogram
    return np.repeat(spectrogram[::-1], 3, axis=-1)


def to_image(image: FloatArray) -> Image.Image:
    """An image [H, W, 3] in [-1, 1] as an 8-bit image."""
    return Image.fromarray(np.clip(np.rint((image + 1.0) * 127.5), 0, 255).astype(np.uint8))


def labeled_grid(
    title: str,
    row_names: Sequence[str],
    column_names: Sequence[str],
    rows: Sequence[Sequence[ImageArray]],
) -> Image.Image:
    """Images in a table.

    Args:
        title: what the grid shows, above it.
        row_names: what stands before each row; a line break starts a second, paler line.
        column_names: what stands above each column.
        rows: [H, W, 3] each, all of one size, as many a row as there are columns.
    """
    cell, high = _cell(rows[0][0].shape[:2], MINIMUM_CAPTIONED_CELL)
    font, title_font = _font(TEXT_SIZE), _font(TITLE_SIZE)
    words = [line for name in row_names for line in name.split("\n")]
    left = EDGE + round(max(font.getlength(word) for word in words)) + 10
    top = EDGE + TITLE_SIZE + 10 + TEXT_SIZE + 8
    step, line = cell + MARGIN, high + MARGIN
    width = max(left + len(column_names) * step, 2 * EDGE + round(title_font.getlength(title)))
    grid = Image.new("RGB", (width + EDGE, top + len(rows) * line + EDGE), "white")
    pen = ImageDraw.Draw(grid)
    pen.text((EDGE, EDGE), title, INK, title_font)
    for column, name in enumerate(column_names):
        position = (left + column * step + cell // 2, top - 8)
        pen.text(position, _shortened(name, font, cell), MUTED, font, anchor="ms")
    for row, (name, images) in enumerate(zip(row_names, rows, strict=True)):
        first, _, second = name.partition("\n")
        middle = top + row * line + high // 2
        lift = TEXT_SIZE * 2 // 3 if second else 0
        pen.text((EDGE, middle - lift), first, INK, font, anchor="lm")
        pen.text((EDGE, middle + lift), second, MUTED, font, anchor="lm")
        for column, image in enumerate(images):
            enlarged = Image.fromarray(image).resize((cell, high), Image.Resampling.NEAREST)
            grid.paste(enlarged, (left + column * step, top + row * line))
    return grid


def captioned_grid(
    names: Sequence[str], images: Sequence[ImageArray], columns: int = CAPTIONED_COLUMNS
) -> Image.Image:
    """Images one after the other, each with its name below.

    Args:
        names: as many as images.
        images: [H, W, 3] each, all of one size.
        columns: images in a full row.
    """
    cell, high = _cell(images[0].shape[:2], MINIMUM_CAPTIONED_CELL)
    font = _font(TEXT_SIZE)
    step, line = cell + MARGIN, high + TEXT_SIZE + 3 * MARGIN
    columns = min(columns, len(images))
    grid_size = (columns * step + 2 * EDGE, -(-len(images) // columns) * line + 2 * EDGE)
    grid = Image.new("RGB", grid_size, "white")
    pen = ImageDraw.Draw(grid)
    for index, (name, image) in enumerate(zip(names, images, strict=True)):
        left, top = EDGE + index % columns * step, EDGE + index // columns * line
        enlarged = Image.fromarray(image).resize((cell, high), Image.Resampling.NEAREST)
        grid.paste(enlarged, (left, top))
        position = (left + cell // 2, top + high + MARGIN)
        pen.text(position, _shortened(name, font, cell), INK, font, anchor="ma")
    return grid


def _cell(shape: tuple[int, ...], least: int) -> tuple[int, int]:
    """Width and height of images [H, W], enlarged by a whole number to ``least`` wide or more."""
    height, width = shape
    factor = max(1, -(-least // width))
    return width * factor, height * factor


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings: Pillow's own lacks the minus and most alphabets."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """``text`` with its middle omitted if it is wider than ``width``."""
    kept = len(text)
    shown = text
    while font.getlength(shown) > width and kept > 2:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return shown
