"""Makes files as dirty data sets have them: damaged, mislabelled, huge by their headers, or whole
but of a kind that one seldom meets. The same seed gives the same files, but for the times and
serial numbers that libsndfile puts into some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from .damage import DAMAGES, NAMES, PLACES
from .unusual_images import IMAGES, VIDEOS
from .unusual_sounds import SOUNDS
from .valid_files import (
    IMAGE_ENDINGS,
    SOUND_ENDINGS,
    VIDEO_ENDINGS,
    image,
    sound,
    whole,
)

#: Of ten inputs; the rest are images, of each 25th a video.
SOUNDS_OF_TEN, VIDEO_EACH = 5, 25


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
    is_image: bool = False
    is_video: bool = False

    @property
    def is_sound(self) -> bool:
        """Neither image nor video."""
        return not (self.is_image or self.is_video)

    @property
    def is_text(self) -> bool:
        """Whether the name is UTF-8 and one that a CSV file gives back."""
        return "\udcff" not in self.name and "\0" not in self.name


def write_inputs(folder: Path, count: int, seed: int) -> list[Input]:
    """``count`` files in ``folder``: every kind in turn, with what differs within it by chance."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    made: list[Input] = []
    for position in range(count):
        if position % VIDEO_EACH == VIDEO_EACH - 1:
            family, turn = "video", position // VIDEO_EACH
            kinds: dict[str, Any] = VIDEOS
        else:
            is_sound = position % 10 < SOUNDS_OF_TEN
            family = "sound" if is_sound else "image"
            kinds = SOUNDS if is_sound else IMAGES
            turn = sum(item.is_sound if is_sound else item.is_image for item in made)
        kind = list(kinds)[turn % len(kinds)]
        made.append(_write(folder, f"{position:04d}", family, kind, kinds[kind], random))
    return made


def write_whole(folder: Path) -> tuple[str, str]:
    """Names of a sound and of an image that are as they should be."""
    (folder / "whole.wav").write_bytes(sound("WAV", np.random.default_rng(0)))
    (folder / "whole.png").write_bytes(image("PNG", np.random.default_rng(0)))
    return "whole.wav", "whole.png"


def _write(folder: Path, stem: str, family: str, kind: str, make: Any, random: Generator) -> Input:
    flags = {"is_image": family == "image", "is_video": family == "video"}
    endings = {"sound": SOUND_ENDINGS, "image": IMAGE_ENDINGS, "video": VIDEO_ENDINGS}[family]
    ending = endings[int(random.integers(len(endings)))]
    if kind in PLACES:
        name = f"{stem}.{endings[0]}"
        PLACES[kind](folder / name)
        return Input(name, kind, arrives=False, **flags)
    if kind in NAMES:
        ending = endings[0]
        content, arrives = whole(ending, random), True
        name = f"{stem}{NAMES[kind]}.{ending}"
    elif kind in DAMAGES:
        content, arrives = DAMAGES[kind](whole(ending, random), random)
        name = f"{stem}.{ending}"
    else:
        content, arrives, ending = make(random)
        name = f"{stem}.{ending}"
    (folder / name).write_bytes(content)
    return Input(name, kind, arrives, **flags)
