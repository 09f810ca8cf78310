"""Makes files as dirty data sets have them: damaged, mislabelled, huge by their headers, or whole
but of a kind that one seldom meets. The same seed gives the same files."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.random import Generator
from PIL import Image

SOUND_ENDINGS, PICTURE_ENDINGS, VIDEO_ENDINGS = (
    ("wav", "flac", "ogg", "mp3"),
    ("png", "jpg", "webp", "tiff"),
    ("mp4", "mkv"),
)
#: Of ten inputs; the rest are pictures, of each 25th a video.
SOUNDS_OF_TEN, VIDEO_EACH = 5, 25
#: Hz, and seconds of a sound.
RATE, SECONDS = 22_050, 0.7


@dataclass(frozen=True)
class Input:
    """A file.

    Attributes:
        name: within its folder.
        kind: what was done to it.
        arrives: whether it must be read; None where both are right.
    """

    name: str
    kind: str
    arrives: bool | None
    is_picture: bool = False
    is_video: bool = False

    @property
    def is_sound(self) -> bool:
        """Neither picture nor video."""
        return not (self.is_picture or self.is_video)

    @property
    def is_text(self) -> bool:
        """Whether the name is UTF-8 and one that a CSV file gives back."""
        return "\udcff" not in self.name and "\0" not in self.name


Content = tuple[bytes, bool | None]
"""Of a file, and whether it must arrive."""


def write_inputs(folder: Path, count: int, seed: int) -> list[Input]:
    """``count`` files in ``folder``: every kind in turn, with what differs within it by chance."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    made: list[Input] = []
    for place in range(count):
        if place % VIDEO_EACH == VIDEO_EACH - 1:
            family, turn = "video", place // VIDEO_EACH
            kinds: dict[str, Any] = VIDEOS
        else:
            is_sound = place % 10 < SOUNDS_OF_TEN
            family = "sound" if is_sound else "picture"
            kinds = SOUNDS if is_sound else PICTURES
            turn = sum(item.is_sound if is_sound else item.is_picture for item in made)
        kind = list(kinds)[turn % len(kinds)]
        made.append(_write(folder, f"{place:04d}", family, kind, kinds[kind], random))
    return made


def write_whole(folder: Path) -> tuple[str, str]:
    """Names of a sound and of a picture that are as they should be."""
    (folder / "whole.wav").write_bytes(_sound("WAV", np.random.default_rng(0)))
    (folder / "whole.png").write_bytes(_picture("PNG", np.random.default_rng(0)))
    return "whole.wav", "whole.png"


def whole(ending: str, seed: int = 0) -> bytes:
    """The content of a file that is as it should be."""
    return _whole(ending, np.random.default_rng(seed))


def _write(folder: Path, stem: str, family: str, kind: str, make: Any, random: Generator) -> Input:
    flags = {"is_picture": family == "picture", "is_video": family == "video"}
    endings = {"sound": SOUND_ENDINGS, "picture": PICTURE_ENDINGS, "video": VIDEO_ENDINGS}[family]
    ending = endings[int(random.integers(len(endings)))]
    if kind in PLACES:
        name = f"{stem}.{endings[0]}"
        PLACES[kind](folder / name)
        return Input(name, kind, arrives=False, **flags)
    if kind in NAMES:
        ending = endings[0]
        content, arrives = _whole(ending, random), True
        name = f"{stem}{NAMES[kind]}.{ending}"
    elif kind in DAMAGES:
        content, arrives = DAMAGES[kind](_whole(ending, random), random)
        name = f"{stem}.{ending}"
    else:
        content, arrives, ending = make(random)
        name = f"{stem}.{ending}"
    (folder / name).write_bytes(content)
    return Input(name, kind, arrives, **flags)


def _whole(ending: str, random: Generator) -> bytes:
    if ending in VIDEO_ENDINGS:
        return _video(ending)
    if ending in SOUND_ENDINGS:
        return _sound({"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}[ending], random)
    return _picture({"jpg": "JPEG"}.get(ending, ending.upper()), random)


def _sound(
    form: str,
    random: Generator,
    rate: int = RATE,
    channels: int = 1,
    subtype: str | None = None,
) -> bytes:
    """A tone in some noise."""
    times = np.arange(round(SECONDS * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * random.uniform(200, 900) * times)
    samples = tone[:, None] + random.normal(0, 0.01, (len(times), channels))
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form, subtype=subtype)
    return content.getvalue()


def _pixels(random: Generator) -> Image.Image:
    shade = random.integers(0, 200, 3)
    noise = random.integers(0, 50, (48, 64, 3))
    return Image.fromarray((noise + shade).astype(np.uint8))


def _picture(form: str, random: Generator, mode: str = "RGB", **options: Any) -> bytes:
    content = io.BytesIO()
    _pixels(random).convert(mode).save(content, form, **options)
    return content.getvalue()


@cache
def _video(ending: str) -> bytes:
    """Two seconds of grey that becomes brighter, with a tone."""
    import av

    content = io.BytesIO()
    with av.open(content, "w", format={"mkv": "matroska"}.get(ending, ending)) as container:
        video: Any = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound: Any = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(20):
            picture = np.full((48, 64, 3), 40 + 10 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
        for start in range(0, len(tone), 1024):
            part = tone[None, start : start + 1024].astype(np.float32)
            heard = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 16_000, start
            container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return content.getvalue()


def _bits_flipped(content: bytes, random: Generator) -> Content:
    changed = bytearray(content)
    for place in random.integers(0, len(content), random.integers(1, 30)):
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed), None


def _header_flipped(content: bytes, random: Generator) -> Content:
    changed = bytearray(content)
    for place in random.integers(0, min(64, len(content)), 6):
        changed[place] = int(random.integers(256))
    return bytes(changed), None


def _cut_short(content: bytes, random: Generator) -> Content:
    return content[: int(random.integers(1, len(content)))], None


def _other_bytes(content: bytes, random: Generator) -> Content:
    return random.bytes(len(content)), False


#: What is done to a whole file of any family.
DAMAGES: dict[str, Callable[[bytes, Generator], Content]] = {
    "bits flipped": _bits_flipped,
    "header overwritten": _header_flipped,
    "cut short": _cut_short,
    "empty": lambda content, random: (b"", False),
    "random bytes": _other_bytes,
    "text": lambda content, random: (b"<html>404 Not Found</html>\n" * 40, False),
}


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


#: What is no file at all.
PLACES: dict[str, Callable[[Path], None]] = {
    "link in a circle": _loop,
    "link to nowhere": _dangling,
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
}

#: What a whole file may be called; the last is a byte that is no UTF-8.
NAMES = {
    "name with line feed": "a\nb",
    "name in Cyrillic and Han": " скрипка 小提琴",
    "name with commas and quotes": "\"a\", 'b'; $(true) \t%s {x}",
    "name that is no UTF-8": os.fsdecode(b"\xff"),
}

Made = tuple[bytes, bool | None, str]
"""Content, whether it must arrive, and the name's ending."""


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
    content = bytearray(_sound("FLAC", random))
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    return bytes(content), False, "flac"


def _exotic_sound(form: str, ending: str, **options: Any) -> Callable[[Generator], Made]:
    return lambda random: (_sound(form, random, **options), True, ending)


def _of_another_name(
    make: Callable[[Generator], bytes], ending: str, arrives: bool
) -> Callable[[Generator], Made]:
    return lambda random: (make(random), arrives, ending)


def _not_finite(random: Generator) -> Made:
    content = bytearray(_sound("WAV", random, subtype="FLOAT"))
    content[-400:-396] = struct.pack("<f", float("nan"))
    return bytes(content), False, "wav"


_ANY: dict[str, None] = dict.fromkeys((*DAMAGES, *PLACES, *NAMES))

SOUNDS: dict[str, Callable[[Generator], Made] | None] = {
    **_ANY,
    "24 bits": _exotic_sound("WAV", "wav", subtype="PCM_24"),
    "8 kHz": _exotic_sound("WAV", "wav", rate=8_000),
    "192 kHz": _exotic_sound("WAV", "wav", rate=192_000, subtype="PCM_24"),
    "7.1 channels": _exotic_sound("WAVEX", "wav", channels=8),
    "64-bit floats": _exotic_sound("W64", "w64", subtype="DOUBLE"),
    "8 bits, AIFF": _exotic_sound("AIFF", "aiff", subtype="PCM_S8"),
    "FLAC named .wav": _of_another_name(lambda random: _sound("FLAC", random), "wav", True),
    "WAV named .mp3": _of_another_name(lambda random: _sound("WAV", random), "mp3", True),
    "picture named .wav": _of_another_name(lambda random: _picture("PNG", random), "wav", False),
    "1,000 channels": _huge_wav,
    "header of 74 hours": _long_wav,
    "header of 36 days": _flac_of_days,
    "NaN": _not_finite,
}


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
    """A real picture of 49 million pixels in 50 KB."""
    content = io.BytesIO()
    Image.new("L", (7000, 7000), 128).save(content, "PNG")
    return content.getvalue(), True, "png"


def _huge_bmp(random: Generator) -> Made:
    content = bytearray(_picture("BMP", random))
    content[18:26] = struct.pack("<ii", 2**30, 2**30)
    return bytes(content), False, "bmp"


def _animated(form: str, ending: str) -> Callable[[Generator], Made]:
    def make(random: Generator) -> Made:
        content = io.BytesIO()
        frames = [_pixels(random) for _ in range(4)]
        frames[0].save(content, form, save_all=True, append_images=frames[1:], duration=80)
        return content.getvalue(), True, ending

    return make


def _deep(form: str, ending: str) -> Callable[[Generator], Made]:
    def make(random: Generator) -> Made:
        content = io.BytesIO()
        Image.fromarray(random.integers(0, 65_536, (48, 64), np.uint16)).save(content, form)
        return content.getvalue(), True, ending

    return make


def _exotic_picture(
    form: str, ending: str, mode: str, **options: Any
) -> Callable[[Generator], Made]:
    return lambda random: (_picture(form, random, mode, **options), True, ending)


def _turned(random: Generator) -> Made:
    exif = Image.Exif()
    exif[0x0112] = int(random.integers(2, 9))  # Orientation
    return _picture("JPEG", random, exif=exif), True, "jpg"


def _postscript(random: Generator) -> Made:
    """Pillow would have Ghostscript run it."""
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\nshowpage\n", False, "png"


PICTURES: dict[str, Callable[[Generator], Made] | None] = {
    **_ANY,
    "CMYK": _exotic_picture("JPEG", "jpg", "CMYK"),
    "CMYK, TIFF": _exotic_picture("TIFF", "tif", "CMYK", compression="tiff_lzw"),
    "16 bits": _deep("PNG", "png"),
    "16 bits, TIFF": _deep("TIFF", "tif"),
    "EXIF rotation": _turned,
    "animated GIF": _animated("GIF", "gif"),
    "animated PNG": _animated("PNG", "png"),
    "animated WebP": _animated("WEBP", "webp"),
    "transparent palette": _exotic_picture("PNG", "png", "P", transparency=0),
    "grey and alpha": _exotic_picture("PNG", "png", "LA"),
    "1 bit": _exotic_picture("PNG", "png", "1"),
    "JPEG named .png": _of_another_name(lambda random: _picture("JPEG", random), "png", True),
    "sound named .png": _of_another_name(lambda random: _sound("WAV", random), "png", False),
    "PostScript named .png": _postscript,
    "header of 3.6 billion pixels": _huge_png,
    "header of 2⁶⁰ pixels": _huge_bmp,
    "49 million pixels": _flat_png,
}

VIDEOS: dict[str, Callable[[Generator], Made] | None] = {
    "whole": lambda random: (_video("mp4"), True, "mp4"),
    **dict.fromkeys(DAMAGES),
    **dict.fromkeys(PLACES),
    "name in Cyrillic and Han": None,
    "sound named .mp4": _of_another_name(lambda random: _sound("WAV", random), "mp4", False),
    "picture named .mp4": _of_another_name(lambda random: _picture("PNG", random), "mp4", False),
}
