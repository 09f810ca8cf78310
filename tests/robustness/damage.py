"""What can be wrong with a file of any kind: its bytes, its place, its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from numpy.random import Generator

Content = tuple[bytes, bool | None]
"""Of a file, and whether it must arrive."""

Made = tuple[bytes, bool | None, str]
"""Content, whether it must arrive, and the name's ending."""


def _bits_flipped(content: bytes, random: Generator) -> Content:
    changed = bytearray(content)
    for position in random.integers(0, len(content), random.integers(1, 30)):
        changed[position] ^= 1 << int(random.integers(8))
    return bytes(changed), None


def _header_flipped(content: bytes, random: Generator) -> Content:
    changed = bytearray(content)
    for position in random.integers(0, min(64, len(content)), 6):
        changed[position] = int(random.integers(256))
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

#: The kinds of all of them; each is made by what stands above.
ANY: dict[str, None] = dict.fromkeys((*DAMAGES, *PLACES, *NAMES))


def of_another_name(
    make: Callable[[Generator], bytes], ending: str, arrives: bool
) -> Callable[[Generator], Made]:
    """What ``make`` gives, under the ending of something else."""
    return lambda random: (make(random), arrives, ending)
