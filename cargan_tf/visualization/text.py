"""Text in images: a font that has its letters, and lines that fit their place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

#: The smallest letters that can still be read, in pixels.
_MIN_SIZE: Final = 9
#: Lines are broken after these if possible.
_BREAKS: Final = " /_-.,"
_OMITTED: Final = "…"


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
