"""Images and videos that one seldom meets, and all that can be damaged."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image

from .damage import ANY, DAMAGES, PLACES, Made, of_another_name
from .valid_files import image, pixels, sound, video


def _huge_png(random: Generator) -> Made:
    """A hundred bytes that say 60,000 pixels square."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(4000)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""),
        False,
        "png",
    )


def _flat_png(random: Generator) -> Made:
    """A real image of 49 million pixels in 50 KB."""
    content = io.BytesIO()
    Image.new("L", (7000, 7000), 128).save(content, "PNG")
    return content.getvalue(), True, "png"


def _huge_bmp(random: Generator) -> Made:
    content = bytearray(image("BMP", random))
    content[18:26] = struct.pack("<ii", 2**30, 2**30)
    return bytes(content), False, "bmp"


def _animated(form: str, ending: str) -> Callable[[Generator], Made]:
    def make(random: Generator) -> Made:
        content = io.BytesIO()
        frames = [pixels(random) for _ in range(4)]
        frames[0].save(content, form, save_all=True, append_images=frames[1:], duration=80)
        return content.getvalue(), True, ending

    return make


def _deep(form: str, ending: str) -> Callable[[Generator], Made]:
    def make(random: Generator) -> Made:
        content = io.BytesIO()
        Image.fromarray(random.integers(0, 65_536, (48, 64), np.uint16)).save(content, form)
        return content.getvalue(), True, ending

    return make


def _exotic_image(form: str, ending: str, mode: str, **options: Any) -> Callable[[Generator], Made]:
    return lambda random: (image(form, random, mode, **options), True, ending)


def _turned(random: Generator) -> Made:
    exif = Image.Exif()
    exif[0x0112] = int(random.integers(2, 9))  # Orientation
    return image("JPEG", random, exif=exif), True, "jpg"


def _postscript(random: Generator) -> Made:
    """Pillow would have Ghostscript run it."""
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\nshowpage\n", False, "png"


IMAGES: dict[str, Callable[[Generator], Made] | None] = {
    **ANY,
    "CMYK": _exotic_image("JPEG", "jpg", "CMYK"),
    "CMYK, TIFF": _exotic_image("TIFF", "tif", "CMYK", compression="tiff_lzw"),
    "16 bits": _deep("PNG", "png"),
    "16 bits, TIFF": _deep("TIFF", "tif"),
    "EXIF rotation": _turned,
    "animated GIF": _animated("GIF", "gif"),
    "animated PNG": _animated("PNG", "png"),
    "animated WebP": _animated("WEBP", "webp"),
    "transparent palette": _exotic_image("PNG", "png", "P", transparency=0),
    "gray and alpha": _exotic_image("PNG", "png", "LA"),
    "1 bit": _exotic_image("PNG", "png", "1"),
    "JPEG named .png": of_another_name(lambda random: image("JPEG", random), "png", True),
    "sound named .png": of_another_name(lambda random: sound("WAV", random), "png", False),
    "PostScript named .png": _postscript,
    "header of 3.6 billion pixels": _huge_png,
    "header of 2⁶⁰ pixels": _huge_bmp,
    "49 million pixels": _flat_png,
}

VIDEOS: dict[str, Callable[[Generator], Made] | None] = {
    "whole": lambda random: (video("mp4"), True, "mp4"),
    **dict.fromkeys(DAMAGES),
    **dict.fromkeys(PLACES),
    "name in Cyrillic and Han": None,
    "sound named .mp4": of_another_name(lambda random: sound("WAV", random), "mp4", False),
    "image named .mp4": of_another_name(lambda random: image("PNG", random), "mp4", False),
}
