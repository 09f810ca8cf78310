"""The images of a report page: which clips it shows, and each as a strip of images."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.evaluation.report import FOLDER, Example, SplitReport
from cargan_tf.utils.arrays import FloatArray
from cargan_tf.utils.files import write_atomically
from cargan_tf.visualization.grids import to_image, two_clips_per_label

if TYPE_CHECKING:  # it imports TensorFlow, which `cargan reproduce` leaves to its subprocesses
    from cargan_tf.evaluation.generation import GeneratedSplit

#: Pixels a side up to which an image is inlined as it is; larger ones lose what nobody sees, as a
#: page of some hundred 256×256 images would weigh 30 MB.
_LOSSLESS_UP_TO = 64
_QUALITY = 90

#: Differences of images lie in 0 … 2; half of that is already all an image can be off.
_DIFFERENCE_RANGE = 1.0


#: Best and worst cases, silent clips and so on that are shown of each kind.
SHOWN = 6


@dataclass(frozen=True)
class Shown:
    """One image: what it is, and itself as a data URI."""

    title: str
    alt: str
    uri: str


@dataclass(frozen=True)
class Strip:
    """Images of one clip, and what is to be known of it."""

    example: Example
    images: tuple[Shown, ...]

    @property
    def note(self) -> str:
        """Who plays, and from which recording."""
        example = self.example
        player = f"{example.player}, " if example.player else ""
        return f"{player}recording {example.recording}"


class StripMaker:
    """Strips of a split's clips."""

    def __init__(self, generated: GeneratedSplit) -> None:
        self._generated = generated

    def strip(self, example: Example) -> Strip:
        """Sound, coarse, refined, real."""
        return self._strip(example, ("sound", *self._stages, "real photo"))

    def retrieval(self, example: Example) -> Strip:
        """The same, and the photo of the class that is nearest to the refined image."""
        return self._strip(example, ("sound", *self._stages, "real photo", "nearest"))

    def sensitivity(self, example: Example) -> Strip:
        """Refined image, another sound, how far it moved, another label."""
        return self._strip(example, ("refined", "other sound", "moved by", "other label"))

    @property
    def _stages(self) -> tuple[str, ...]:
        return ("coarse", "refined") if self._generated.has_two_stages else ("refined",)

    def _strip(self, example: Example, titles: Sequence[str]) -> Strip:
        images = [
            Shown(title, f"{title}: {example.label}, {example.key}", self._uri(title, example))
            for title in titles
        ]
        return Strip(example, tuple(images))

    def _uri(self, title: str, example: Example) -> str:
        generated, index = self._generated, example.index
        if title == "sound":
            return data_uri(sound_image(generated.spectrograms[index]))
        if title == "moved by":
            moved = np.abs(generated.other_sound[index] - generated.refined[index]).mean(axis=-1)
            return data_uri(colored(moved / _DIFFERENCE_RANGE))
        images = {
            "coarse": generated.coarse,
            "refined": generated.refined,
            "real photo": generated.photos,
            "other sound": generated.other_sound,
            "other label": generated.other_label,
        }
        if title == "nearest":
            return data_uri(to_image(generated.photos[example.nearest]))
        return data_uri(to_image(images[title][index]))


def sound_image(spectrogram: FloatArray) -> Image.Image:
    """[S, S, 1] in [-1, 1], lowest band first, in colors of loudness with low notes at the bottom;
    [S, S, 3], the authors' colors, as the networks see them."""
    if spectrogram.shape[-1] == 3:
        return to_image(spectrogram)
    return colored((spectrogram[::-1, :, 0] + 1.0) / 2.0)


def colored(values: FloatArray) -> Image.Image:
    """[H, W] in 0 … 1 from dark to bright."""
    from matplotlib import colormaps

    colors = colormaps["magma"](np.clip(values, 0, 1))[..., :3]
    return Image.fromarray((colors * 255).round().astype(np.uint8))


def data_uri(image: Image.Image) -> str:
    """The image within the page itself, as WebP."""
    content = io.BytesIO()
    lossless = max(image.size) <= _LOSSLESS_UP_TO
    image.save(content, "WEBP", lossless=lossless, quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


def two_per_label(
    examples: Sequence[Example], labels: Sequence[str], seed: int
) -> dict[str, list[Example]]:
    """For each label two clips of music, by two players where the data names them."""
    music = _music(examples)
    if not music:
        return {}
    classes = np.asarray([labels.index(example.label) for example in music])
    recordings = [example.recording for example in music]
    players = [example.player or example.recording for example in music]
    pairs = two_clips_per_label(classes, recordings, players, seed)
    return {
        music[first].label: [music[index] for index in dict.fromkeys((first, second))]
        for first, second in pairs
    }


def best(examples: Sequence[Example]) -> list[Example]:
    """The clips of music whose refined image is nearest to the photo, at most one a label."""
    return _first_of_each_label(sorted(_music(examples), key=lambda one: one.refined_l1))


def worst(examples: Sequence[Example]) -> list[Example]:
    """Those that are farthest from it, at most one a label."""
    return _first_of_each_label(sorted(_music(examples), key=lambda one: -one.refined_l1))


def misclassified(examples: Sequence[Example], evaluator: str) -> list[Example]:
    """Clips of music in whose refined image the network sees another label, farthest first."""
    wrong = [
        one for one in _music(examples) if one.predictions.get(evaluator, one.label) != one.label
    ]
    return sorted(wrong, key=lambda one: -one.refined_l1)[:SHOWN]


def _music(examples: Sequence[Example]) -> list[Example]:
    return [one for one in examples if not (one.silent or one.noise_like)]


def _first_of_each_label(examples: Iterable[Example]) -> list[Example]:
    by_label: dict[str, Example] = {}
    for example in examples:
        by_label.setdefault(example.label, example)
    return list(by_label.values())[:SHOWN]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One clip of each label, M in all; images are [M, S, S, 3] uint8."""

    keys: tuple[str, ...]
    labels: tuple[str, ...]
    sounds: NDArray[np.uint8]
    photos: NDArray[np.uint8]
    refined: NDArray[np.uint8]


def save_comparison(split: SplitReport, generated: GeneratedSplit, seed: int, path: Path) -> None:
    """Write the first clip of music of each label; the seed and the data decide which, no run."""
    chosen = [clips[0] for clips in two_per_label(split.examples, generated.labels, seed).values()]
    positions = [example.index for example in chosen]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        keys=np.asarray([example.key for example in chosen]),
        labels=np.asarray([example.label for example in chosen]),
        sounds=_stack([sound_image(generated.spectrograms[position]) for position in positions]),
        photos=_stack([to_image(generated.photos[position]) for position in positions]),
        refined=_stack([to_image(generated.refined[position]) for position in positions]),
    )
    write_atomically(path, content.getvalue())


def comparison_file(run: Path, split: str) -> Path:
    """Where the comparison of a run's split is stored, beside its report."""
    return run / FOLDER / f"comparison-{split}.npz"


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
