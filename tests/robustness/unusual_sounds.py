"""Sounds that one seldom meets, whole or huge by their headers, and all that can be damaged."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from .damage import ANY, Made, of_another_name
from .valid_files import coded_sound, image, sound, video


def _huge_wav(random: Generator) -> Made:
    """Says that it has 4 GB of samples of 1,000 channels at 700 kHz."""
    form = struct.pack("<HHIIHH", 1, 1000, 700_000, 1_400_000_000, 2000, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 2**32 - 1)
    return b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVE" + chunks + bytes(4000), False, "wav"


def _long_wav(random: Generator) -> Made:
    """Mono at 8 kHz, with a header of 74 hours; what there is of it lasts a tenth of a second."""
    form = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 2**32 - 1)
    return b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVE" + chunks + bytes(1600), None, "wav"


def _flac_of_days(random: Generator) -> Made:
    """Its header counts 2³⁶ - 1 samples."""
    content = bytearray(sound("FLAC", random))
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    return bytes(content), False, "flac"


def _exotic_sound(form: str, ending: str, **options: Any) -> Callable[[Generator], Made]:
    return lambda random: (sound(form, random, **options), True, ending)


def _not_finite(random: Generator) -> Made:
    content = bytearray(sound("WAV", random, subtype="FLOAT"))
    content[-400:-396] = struct.pack("<f", float("nan"))
    return bytes(content), False, "wav"


def _coded(ending: str) -> Callable[[Generator], Made]:
    return lambda random: (coded_sound(ending, random), True, ending)


def _archive(random: Generator) -> bytes:
    """A zip file with a whole MP3 in it, stored as it is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.mp3", sound("MP3", random))
    return content.getvalue()


def _piped_flac(random: Generator) -> Made:
    """No length in its header: 0 samples."""
    content = bytearray(sound("FLAC", random))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content), True, "flac"


SOUNDS: dict[str, Callable[[Generator], Made] | None] = {
    **ANY,
    "24 bits": _exotic_sound("WAV", "wav", subtype="PCM_24"),
    "8 kHz": _exotic_sound("WAV", "wav", rate=8_000),
    "192 kHz": _exotic_sound("WAV", "wav", rate=192_000, subtype="PCM_24"),
    "7.1 channels": _exotic_sound("WAVEX", "wav", channels=8),
    "64-bit floats": _exotic_sound("W64", "w64", subtype="DOUBLE"),
    "8 bits, AIFF": _exotic_sound("AIFF", "aiff", subtype="PCM_S8"),
    "FLAC named .wav": of_another_name(lambda random: sound("FLAC", random), "wav", True),
    "WAV named .mp3": of_another_name(lambda random: sound("WAV", random), "mp3", True),
    "image named .wav": of_another_name(lambda random: image("PNG", random), "wav", False),
    "1,000 channels": _huge_wav,
    "header of 74 hours": _long_wav,
    "header of 36 days": _flac_of_days,
    "NaN": _not_finite,
    "m4a": _coded("m4a"),
    "webm of a browser": _coded("webm"),
    "wma": _coded("wma"),
    "aac": _coded("aac"),
    "video with sound": lambda random: (video("mkv"), True, "mkv"),
    "m4a named .mp3": of_another_name(lambda random: coded_sound("m4a", random), "mp3", True),
    "webm named .wav": of_another_name(lambda random: coded_sound("webm", random), "wav", True),
    "archive named .mp3": of_another_name(_archive, "mp3", False),
    "FLAC of a pipe": _piped_flac,
    "noise named .gsm": of_another_name(lambda random: random.bytes(20_000), "gsm", False),
}
