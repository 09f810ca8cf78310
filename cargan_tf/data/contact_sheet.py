"""A sheet of examples: what is heard and what is seen, side by side, a row for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cargan_tf.audio.jet import LEVELS, jet_colours
from cargan_tf.data.inspection import Example

#: Pixels of one picture's side on the sheet.
CELL: Final = 128
MARGIN: Final = 4
CAPTION: Final = 18
NAME_WIDTH: Final = 120
TEXT: Final = (30, 30, 30)

#: Characters of a caption that stand under two cells at its size.
_CAPTION_LENGTH: Final = 42


def draw_contact_sheet(examples: Sequence[Example]) -> Image.Image:
    """One row a label: its name, then each example's spectrogram and photo above its own name.

    Spectrograms are drawn in jet colours from each clip's least to its greatest value, low notes
    at the bottom, time from left to right.
    """
    rows: dict[str, list[Example]] = {}
    for example in examples:
        rows.setdefault(example.label, []).append(example)
    columns = max(map(len, rows.values()), default=0)
    pair_width, height = 2 * (CELL + MARGIN) + MARGIN, CELL + CAPTION + MARGIN
    size = (NAME_WIDTH + columns * pair_width, MARGIN + max(1, len(rows)) * height)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for row, (label, shown) in enumerate(rows.items()):
        top = MARGIN + row * height
        words = label.replace("_", " ")
        pen.text((MARGIN, top + CELL // 2 - 8), words, TEXT, ImageFont.load_default(14))
        for column, example in enumerate(shown):
            left = NAME_WIDTH + column * pair_width
            sheet.paste(_spectrogram(example.log_mel), (left, top))
            sheet.paste(_photo(example.photo), (left + CELL + MARGIN, top))
            caption = example.name[-_CAPTION_LENGTH:]
            pen.text((left, top + CELL + 2), caption, TEXT, ImageFont.load_default(11))
    return sheet


def _spectrogram(log_mel: NDArray[np.float32]) -> Image.Image:
    least, greatest = float(log_mel.min()), float(log_mel.max())
    shares = (log_mel[::-1] - least) / max(greatest - least, 1e-6)
    levels = np.clip(shares * LEVELS, 0, LEVELS - 1).astype(np.uint8)
    return Image.fromarray(jet_colours()[levels]).resize((CELL, CELL), Image.Resampling.BILINEAR)


def _photo(photo: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(photo).resize((CELL, CELL), Image.Resampling.LANCZOS)
