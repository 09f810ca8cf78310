"""Image grids: generated images next to the real photos, tables of images, captioned images; and
text in images, in a font that has its letters and in lines that fit their place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

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
HEADING_SIZE = 13
TEXT = (30, 30, 30)
#: Of the grids for documents, in pixels.
MINIMUM_CAPTIONED_CELL = 112
EDGE = 12
TITLE_SIZE = 18
TEXT_SIZE = 13
#: Of the names beside rows at most.
ROW_NAME_WIDTH = 480
CAPTIONED_COLUMNS = 7
#: Of a caption under or above an image, and beside a row.
CAPTION_LINES = 3
MUTED = "#5b6570"
#: The smallest letters that can still be read, in pixels.
_MIN_SIZE: Final = 9
#: Lines are broken after these if possible.
_BREAKS: Final = " /_-.,"
_OMITTED: Final = "…"


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
    font = font_of(HEADING_SIZE)
    for side in range(2):
        left = NAME_WIDTH + side * (half + 2 * MARGIN)
        for column, heading in enumerate(COLUMNS):
            pen.text((left + column * (cell + MARGIN) + 2, 3), heading, TEXT, font)
    for row, (indices, name) in enumerate(zip(rows, names, strict=True)):
        top = HEADING + row * (high + MARGIN)
        words = name.replace("_", " ")
        title = fitted_text(words, HEADING_SIZE, NAME_WIDTH - 2 * MARGIN, CAPTION_LINES)
        title.draw(pen, (MARGIN, top + high // 2), TEXT, "lm")
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
    words = [line for name in row_names for line in name.split("\n")]
    names = [fitted_text(word, TEXT_SIZE, ROW_NAME_WIDTH) for word in words]
    left = EDGE + round(max(name.font.getlength(name.lines[0]) for name in names)) + 10
    above = [fitted_text(name, TEXT_SIZE, cell, CAPTION_LINES) for name in column_names]
    top = EDGE + TITLE_SIZE + 10 + max(name.height for name in above) + 8
    title_font = font_of(TITLE_SIZE, title)
    step, line = cell + MARGIN, high + MARGIN
    width = max(left + len(column_names) * step, 2 * EDGE + round(title_font.getlength(title)))
    grid = Image.new("RGB", (width + EDGE, top + len(rows) * line + EDGE), "white")
    pen = ImageDraw.Draw(grid)
    pen.text((EDGE, EDGE), title, INK, title_font)
    for column, name in enumerate(above):
        name.draw(pen, (left + column * step + cell // 2, top - 4), MUTED, "md")
    fitted = iter(names)
    for row, (row_name, images) in enumerate(zip(row_names, rows, strict=True)):
        middle = top + row * line + high // 2
        lines = row_name.count("\n") + 1
        for part in range(lines):
            lift = (2 * part + 1 - lines) * TEXT_SIZE * 2 // 3
            next(fitted).draw(pen, (EDGE, middle + lift), MUTED if part else INK, "lm")
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
    captions = [fitted_text(name, TEXT_SIZE, cell, CAPTION_LINES) for name in names]
    step, line = cell + MARGIN, high + max(text.height for text in captions) + 3 * MARGIN
    columns = min(columns, len(images))
    grid_size = (columns * step + 2 * EDGE, -(-len(images) // columns) * line + 2 * EDGE)
    grid = Image.new("RGB", grid_size, "white")
    pen = ImageDraw.Draw(grid)
    for index, (text, image) in enumerate(zip(captions, images, strict=True)):
        left, top = EDGE + index % columns * step, EDGE + index // columns * line
        enlarged = Image.fromarray(image).resize((cell, high), Image.Resampling.NEAREST)
        grid.paste(enlarged, (left, top))
        text.draw(pen, (left + cell // 2, top + high + MARGIN), INK, "ma")
    return grid


def _cell(shape: tuple[int, ...], least: int) -> tuple[int, int]:
    """Width and height of images [H, W], enlarged by a whole number to ``least`` wide or more."""
    height, width = shape
    factor = max(1, -(-least // width))
    return width * factor, height * factor


@dataclass(frozen=True)
class FittedText:
    """Text as it fits: its lines, and the font that they are set in."""

    lines: tuple[str, ...]
    font: ImageFont.FreeTypeFont

    @property
    def height(self) -> int:
        """Pixels from the top of the first line to the bottom of the last."""
        pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
        _, top, _, bottom = pen.multiline_textbbox(
            (0, 0), "\n".join(["Äg"] * len(self.lines)), self.font
        )
        return round(bottom - top)

    def draw(
        self,
        pen: ImageDraw.ImageDraw,
        position: tuple[float, float],
        color: str | tuple[int, int, int],
        anchor: str = "la",
    ) -> None:
        """Draw at ``position``, of which ``anchor`` says in Pillow's letters where in the text it
        is; lines are aligned as their first letter says."""
        align = {"l": "left", "m": "center", "r": "right"}[anchor[0]]
        pen.multiline_text(position, "\n".join(self.lines), color, self.font, anchor, align=align)


def fitted_text(text: str, size: int, width: float, max_lines: int = 1) -> FittedText:
    """``text`` within ``width`` pixels.

    It is broken into lines, then set smaller, and its middle is omitted only where it still does
    not fit.

    Args:
        text: in any alphabet that a font of this machine has.
        size: of the letters, in pixels.
        width: of the place.
        max_lines: that it may have.
    """
    text = unicodedata.normalize("NFC", text)  # names of files on macOS are decomposed
    for smaller in range(size, min(size, _MIN_SIZE) - 1, -1):
        font = font_of(smaller, text)
        lines = tuple(_lines(text, font, width))
        if len(lines) <= max_lines:
            return FittedText(lines, font)
    kept = len(text)
    while len(lines) > max_lines and kept > 2:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}{_OMITTED}{text[len(text) - kept // 2 :]}"
        lines = tuple(_lines(shown, font, width))
    return FittedText(lines[:max_lines], font)


def font_of(size: int, text: str = "") -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings, or the first font of this machine that has all letters
    of ``text`` where it lacks some. (Pillow's own lacks the minus and most alphabets.)"""
    letters = frozenset(letter for letter in text if letter.isprintable())
    return ImageFont.truetype(_font_file(letters), size)


def _lines(text: str, font: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    while font.getlength(text) > width and len(text) > 1:
        fits = 1
        while font.getlength(text[: fits + 1]) <= width:
            fits += 1
        breaks = [at for at in range(1, fits + 1) if text[at - 1] in _BREAKS]
        end = breaks[-1] if breaks and breaks[-1] > fits // 2 else fits
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


@lru_cache(maxsize=256)
def _font_file(letters: frozenset[str]) -> str:
    from matplotlib import get_data_path
    from matplotlib.font_manager import findSystemFonts

    own = str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    if _has(own, letters):
        return own
    return next((file for file in sorted(findSystemFonts()) if _has(file, letters)), own)


@lru_cache(maxsize=1024)
def _code_points(file: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except RuntimeError:  # a font that FreeType does not read
        return frozenset()


def _has(file: str, letters: frozenset[str]) -> bool:
    return _code_points(file) >= {ord(letter) for letter in letters}
