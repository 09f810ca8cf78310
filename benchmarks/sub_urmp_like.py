"""Pairs as Sub-URMP has them, made up: half a second of 44.1 kHz stereo wav, a 1920×1080 JPEG."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.data.sample.backdrop import backdrop
from cargan_tf.data.sample.figure import Pose
from cargan_tf.data.sample.picture import draw_player
from cargan_tf.data.sample.players import looks

LABEL = "violin"
RATE, SECONDS = 44_100, 0.5
FRAME = (1920, 1080)
#: Camera noise, standard deviation in levels of 255: the files then have some 350 KB.
GRAIN = 3.0
JPEG_QUALITY = 90
#: Pairs that are really made; the others are the same files under other names.
MADE = 32


def write_tree(root: Path, clips: int, labels: Sequence[str] = (LABEL,)) -> Path:
    """``clips`` training pairs in the folder ``root``/Sub-URMP, which is given back.

    They are dealt out to ``labels``; all show the same instrument.
    """
    tree = root / "Sub-URMP"
    random = np.random.default_rng(0)
    made: list[tuple[Path, Path]] = []
    for clip in range(clips):
        label = labels[clip % len(labels)]
        name = f"{label}/{label}00_{500 * clip}"
        audio = tree / "chunk" / "train" / f"{name}.wav"
        image = tree / "img" / "train" / f"{name}.jpg"
        for file in (audio, image):
            file.parent.mkdir(parents=True, exist_ok=True)
        if clip < MADE:
            soundfile.write(audio, sound(random), RATE)
            frame(random).save(image, quality=JPEG_QUALITY)
            made.append((audio, image))
        else:
            for file, original in zip((audio, image), made[clip % MADE], strict=True):
                os.link(original, file)
    return tree


def sound(random: np.random.Generator) -> NDArray[np.float64]:
    """A note with overtones and some noise, [samples, 2]."""
    times = np.arange(round(SECONDS * RATE)) / RATE
    pitch = random.uniform(200, 900)
    note = sum(np.sin(2 * np.pi * pitch * k * times) / k**1.5 for k in range(1, 16))
    return 0.2 * note[:, None] + random.normal(0, 0.002, (len(times), 2))


def frame(random: np.random.Generator) -> Image.Image:
    """A player of the sample data in some pose, stretched, with a camera's grain."""
    look = looks(LABEL, seed=0)[int(random.integers(3))]
    pose = Pose(float(random.uniform()), float(random.uniform()))
    picture = draw_player(LABEL, look, pose, backdrop(look)).resize(FRAME, Image.Resampling.BICUBIC)
    grainy = np.asarray(picture) + random.normal(0, GRAIN, (FRAME[1], FRAME[0], 1))
    return Image.fromarray(np.clip(np.round(grainy), 0, 255).astype(np.uint8))
