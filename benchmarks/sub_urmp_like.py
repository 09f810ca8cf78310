"""Pairs as Sub-URMP has them, made up: half a second of 44.1 kHz stereo wav, a 1920×1080 JPEG."""

from __future__ import annotations

import shutil
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
#: Pairs that are really made; the others are copies of them under other names.
MADE = 32


def write_tree(root: Path, clips: int) -> Path:
    """``clips`` training pairs in the folder ``root``/Sub-URMP, which is given back."""
    tree = root / "Sub-URMP"
    random = np.random.default_rng(0)
    folders = [tree / kind / "train" / LABEL for kind in ("chunk", "img")]
    for folder in folders:
        folder.mkdir(parents=True)
    sounds, frames = (
        [folder / f"{LABEL}00_{500 * clip}{ending}" for clip in range(clips)]
        for folder, ending in zip(folders, (".wav", ".jpg"), strict=True)
    )
    for audio, image in zip(sounds[:MADE], frames[:MADE], strict=True):
        soundfile.write(audio, sound(random), RATE)
        frame(random).save(image, quality=JPEG_QUALITY)
    for files in (sounds, frames):
        for clip in range(MADE, clips):
            shutil.copyfile(files[clip % MADE], files[clip])
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
