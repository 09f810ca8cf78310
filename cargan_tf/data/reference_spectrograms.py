"""Spectrogram images of the authors' data set: their color scale and their audio settings.

An image is made so: each clip's log-mel is scaled to 0..1 by its own least and greatest value,
each value takes one of 256 jet colors, one pixel a value (time downwards, bands from left to
right), and the small image is enlarged to 256×256 by Pillow's bicubic filter. Enlarging is
linear but for the clipping at black and full color, so the least-squares inverse of its weights
gives the small image back, and the nearest jet color the value. What the image of these
values still lacks, the clipping, is then made up for in the same way, a few times over.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.audio.log_mel import IMAGE_SIZE, LEVELS, jet_colors
from cargan_tf.config import AudioConfig, Config
from cargan_tf.data.images import open_image
from cargan_tf.data.pairs import Source
from cargan_tf.errors import UserError

#: Bands and frames of the authors' log-mel, as the rank of their images shows.
N_MELS: Final = 34
FRAMES: Final = 128

MAX_COLOR_ERROR: Final = 6.0
"""Steps of 255 by which an image's pixels may on average differ from those of the jet image
that comes nearest. The authors' differ by 0.4 at most; a photograph by 20 and more."""

MAX_SIDE: Final = 8 * IMAGE_SIZE
"""Pixels; whoever enlarged the images did so eightfold at the most. 100 MB as float64."""

_ROUNDS: Final = 4
"""On synthetic log-mels the fraction of wrong levels no longer falls after this many."""

#: Keys' parameter of the cubic, as Pillow has it.
_CUBIC: Final = -0.5


#: What a log-mel must be like to stand beside the authors' images. Bands, frames and scale are
#: read off the images; how the sound was analysed nobody says. The window is short, as single
#: pulses of a bassoon's reed are seen in them (30 or so in half a second); the hop gives 128
#: frames at the rate of Sub-URMP's clips.
REFERENCE_AUDIO: Final[dict[str, Any]] = {
    "sample_rate": 44_100,
    "clip_seconds": 0.5,
    "n_fft": 512,
    "hop_length": 173,
    "n_mels": N_MELS,
    "log_mel_scale": "clip",
}


def render_jet_image(log_mel: NDArray[np.floating], size: int = IMAGE_SIZE) -> Image.Image:
    """The image of a log-mel as the authors drew it.

    Args:
        log_mel: [bands, frames] in [0, 1].
        size: pixels a side; at least as many as bands and frames.
    """
    levels = np.clip((log_mel.T * LEVELS).astype(int), 0, LEVELS - 1)
    return Image.fromarray(jet_colors()[levels]).resize((size, size), Image.Resampling.BICUBIC)


def read_jet_image(path: Path) -> NDArray[np.float32]:
    """The log-mel in the image at ``path``: float32 [34, 128] in (0, 1).

    Raises:
        UserError: not an image, too small, or not in jet colors.
    """
    with open_image(path) as image:
        width, height = image.size
        if width < N_MELS or height < FRAMES or max(width, height) > MAX_SIDE:
            raise UserError(
                f"{path} has {width}×{height} pixels; expected a spectrogram image of"
                f" {IMAGE_SIZE}×{IMAGE_SIZE}, as the authors of CAR-GAN saved them."
            )
        pixels = np.asarray(image.convert("RGB"), np.float64)
    log_mel, color_error = _inverted(pixels)
    if color_error > MAX_COLOR_ERROR:
        raise UserError(
            f"{path} is not in jet colors (its pixels are {color_error:.0f} of 255 from the"
            f" nearest jet image's, at most {MAX_COLOR_ERROR:.0f} is expected): give a"
            " spectrogram image as the authors saved them, or sound files."
        )
    return log_mel


def _inverted(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float32], float]:
    """[H, W, 3] -> values [34, 128], and how far pixels are from those the values would give."""
    height, width = pixels.shape[:2]
    small = _shrunk(pixels)
    for _ in range(_ROUNDS):
        levels = _nearest_levels(small)
        chosen = jet_colors()[levels].astype(np.float64)
        missing = pixels - _enlarged(chosen, height, width)
        small = chosen + _shrunk(missing)
    values = _level_values()[levels.T]
    return values.astype(np.float32), float(np.abs(missing).mean())


@cache
def _level_values() -> NDArray[np.float64]:
    """[256]: what a level stands for; levels of the same color (a few blues) for their mean."""
    same = (jet_colors()[:, None] == jet_colors()[None]).all(axis=-1)
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    return np.asarray(same @ middles / same.sum(axis=1))


def _shrunk(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """[H, W, 3] -> [128, 34, 3], by least squares."""
    height, width = pixels.shape[:2]
    bands = np.moveaxis(pixels, 2, 0) @ _inverse(N_MELS, width).T  # [3, H, 34]
    return np.moveaxis(_inverse(FRAMES, height) @ bands, 0, 2)


def _enlarged(small: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """[128, 34, 3] -> [H, W, 3], clipped to [0, 255] after each direction as Pillow does."""
    wide = np.clip(np.moveaxis(small, 2, 0) @ _weights(N_MELS, width).T, 0.0, 255.0)
    return np.moveaxis(np.clip(_weights(FRAMES, height) @ wide, 0.0, 255.0), 0, 2)


def _nearest_levels(small: NDArray[np.float64]) -> NDArray[np.intp]:
    """[T, B, 3] colors -> [T, B] levels of the color map."""
    colors = jet_colors().astype(np.float64)
    # |a - b|² without |a|², which is the same for all candidates.
    distances = np.square(colors).sum(axis=1) - 2.0 * small @ colors.T
    return distances.argmin(axis=-1)


@cache
def _inverse(small: int, large: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.pinv(_weights(small, large)), np.float64)


@cache
def _weights(small: int, large: int) -> NDArray[np.float64]:
    """[large, small]: Pillow's bicubic weights of enlarging a line of pixels."""
    weights = np.zeros((large, small))
    for row in range(large):
        center = (row + 0.5) * small / large - 0.5
        taps = np.arange(int(np.floor(center)) - 1, int(np.floor(center)) + 3)
        values = _cubic(np.abs(center - taps))
        inside = (taps >= 0) & (taps < small)
        weights[row, taps[inside]] = values[inside] / values[inside].sum()
    return weights


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    a = _CUBIC
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def audio_settings_for(source: Source, config: Config) -> tuple[Config, str]:
    """``config`` as it can be used with ``source``, and a line on what had to change, else ``""``.

    Images hold a log-mel that was computed before: bands, frames and scale are theirs.
    """
    if not source.spectrograms or _holds_images(config.audio):
        return config, ""
    audio = AudioConfig(**{**config.audio.model_dump(), **REFERENCE_AUDIO})
    changed = ", ".join(f"audio.{name} = {value}" for name, value in REFERENCE_AUDIO.items())
    note = f"{source.root} holds spectrogram images, not sound: set {changed}"
    return config.model_copy(update={"audio": audio}), note


def _holds_images(audio: AudioConfig) -> bool:
    shape = (audio.n_mels, audio.frames, audio.log_mel_scale)
    return shape == (N_MELS, FRAMES, "clip")
