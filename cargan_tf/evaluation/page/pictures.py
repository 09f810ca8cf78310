"""Pictures as parts of a page: each inlined, with a text for those who cannot see it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.evaluation.drawn import DrawnSplit
from cargan_tf.evaluation.report import Example
from cargan_tf.training.grids import to_image

Floats = NDArray[np.float32]

#: Pixels a side up to which a picture is inlined as it is; larger ones lose what nobody sees, as a
#: page of some hundred 256×256 pictures would weigh 30 MB.
_LOSSLESS_UP_TO = 64
_QUALITY = 90

#: Differences of pictures lie in 0 … 2; half of that is already all a picture can be off.
_DIFFERENCE_RANGE = 1.0


@dataclass(frozen=True)
class Shown:
    """One picture: what it is, and itself as a data URI."""

    title: str
    alt: str
    uri: str


@dataclass(frozen=True)
class Strip:
    """Pictures of one clip, and what is to be known of it."""

    example: Example
    pictures: tuple[Shown, ...]

    @property
    def note(self) -> str:
        """Who plays, and from which recording."""
        example = self.example
        player = f"{example.player}, " if example.player else ""
        return f"{player}recording {example.recording}"


class StripMaker:
    """Strips of a split's clips."""

    def __init__(self, drawn: DrawnSplit) -> None:
        self._drawn = drawn

    def drawing(self, example: Example) -> Strip:
        """Sound, coarse, refined, real."""
        return self._strip(example, ("sound", *self._stages, "real photo"))

    def retrieval(self, example: Example) -> Strip:
        """The same, and the photo of the class that is nearest to the refined picture."""
        return self._strip(example, ("sound", *self._stages, "real photo", "nearest"))

    def movement(self, example: Example) -> Strip:
        """Refined picture, another sound, how far it moved, another label."""
        return self._strip(example, ("refined", "other sound", "moved by", "other label"))

    @property
    def _stages(self) -> tuple[str, ...]:
        return ("coarse", "refined") if self._drawn.has_two_stages else ("refined",)

    def _strip(self, example: Example, titles: Sequence[str]) -> Strip:
        pictures = [
            Shown(title, f"{title}: {example.label}, {example.key}", self._uri(title, example))
            for title in titles
        ]
        return Strip(example, tuple(pictures))

    def _uri(self, title: str, example: Example) -> str:
        drawn, index = self._drawn, example.index
        if title == "sound":
            return data_uri(sound_image(drawn.spectrograms[index]))
        if title == "moved by":
            moved = np.abs(drawn.other_sound[index] - drawn.refined[index]).mean(axis=-1)
            return data_uri(coloured(moved / _DIFFERENCE_RANGE))
        pictures = {
            "coarse": drawn.coarse,
            "refined": drawn.refined,
            "real photo": drawn.photos,
            "other sound": drawn.other_sound,
            "other label": drawn.other_label,
        }
        if title == "nearest":
            return data_uri(to_image(drawn.photos[example.nearest]))
        return data_uri(to_image(pictures[title][index]))


def sound_image(spectrogram: Floats) -> Image.Image:
    """[S, S, 1] in [-1, 1], lowest band first, in colours of loudness with low notes at the bottom;
    [S, S, 3], the authors' colours, as the networks see them."""
    if spectrogram.shape[-1] == 3:
        return to_image(spectrogram)
    return coloured((spectrogram[::-1, :, 0] + 1.0) / 2.0)


def coloured(values: Floats) -> Image.Image:
    """[H, W] in 0 … 1 from dark to bright."""
    from matplotlib import colormaps

    colours = colormaps["magma"](np.clip(values, 0, 1))[..., :3]
    return Image.fromarray((colours * 255).round().astype(np.uint8))


def data_uri(image: Image.Image) -> str:
    """The image within the page itself, as WebP."""
    content = io.BytesIO()
    lossless = max(image.size) <= _LOSSLESS_UP_TO
    image.save(content, "WEBP", lossless=lossless, quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
