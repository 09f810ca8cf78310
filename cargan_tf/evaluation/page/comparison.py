"""The same few sounds drawn by every run, so that systems can be compared by eye."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.evaluation.drawn import DrawnSplit
from cargan_tf.evaluation.page.choices import two_a_label
from cargan_tf.evaluation.page.pictures import sound_image
from cargan_tf.evaluation.report import SplitReport
from cargan_tf.files import write_atomically
from cargan_tf.training.grids import to_image

#: Beside the report of each run that a table is made of.
FILE = "comparison.npz"


@dataclass(frozen=True, eq=False)
class Comparison:
    """One clip of each label, M in all; pictures are [M, S, S, 3] uint8."""

    keys: tuple[str, ...]
    labels: tuple[str, ...]
    sounds: NDArray[np.uint8]
    photos: NDArray[np.uint8]
    refined: NDArray[np.uint8]


def save_comparison(split: SplitReport, drawn: DrawnSplit, seed: int, path: Path) -> None:
    """Write the first clip of music of each label; the seed and the data decide which, no run."""
    chosen = [clips[0] for clips in two_a_label(split.examples, drawn.labels, seed).values()]
    places = [example.index for example in chosen]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        keys=np.asarray([example.key for example in chosen]),
        labels=np.asarray([example.label for example in chosen]),
        sounds=_stack([sound_image(drawn.spectrograms[place]) for place in places]),
        photos=_stack([to_image(drawn.photos[place]) for place in places]),
        refined=_stack([to_image(drawn.refined[place]) for place in places]),
    )
    write_atomically(path, content.getvalue())


def load_comparison(path: Path) -> Comparison | None:
    """What ``save_comparison`` wrote; ``None`` where it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys, labels = (tuple(arrays[name].tolist()) for name in ("keys", "labels"))
            return Comparison(keys, labels, arrays["sounds"], arrays["photos"], arrays["refined"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _stack(images: list[Image.Image]) -> NDArray[np.uint8]:
    if not images:  # a split that holds no music
        return np.zeros((0, 0, 0, 3), np.uint8)
    return np.stack([np.asarray(image) for image in images])
