"""The stage behind a player: a blue curtain with folds, the floor, a music stand."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cargan_tf.data.sample.canvas import SIDE, SUPERSAMPLING, Canvas
from cargan_tf.data.sample.players import Look

#: Width and height of each of the curtain's waves, pixels and share.
FOLD_WIDTHS = np.array([17.0, 9.5, 5.8, 3.1, 26.0, 2.2])
FOLD_HEIGHTS = np.array([0.5, 0.35, 0.25, 0.15, 0.1, 0.08])

#: Light of the curtain at its top and at its foot.
TOP_LIGHT, FOOT_LIGHT = 1.05, 0.72

FLOOR = (58, 48, 46)
STAND = (30, 30, 34)
PAPER = (236, 238, 244)


def backdrop(look: Look) -> Image.Image:
    """The empty stage of one player, ``SIDE * SUPERSAMPLING`` pixels a side, RGB."""
    canvas = Canvas(_curtain(look))
    canvas.polygon([(0, 240), (SIDE, 236), (SIDE, SIDE), (0, SIDE)], FLOOR)
    x, y = look.stand
    canvas.line([(x + 10, y + 20), (x + 12, 250)], 2.4, STAND)
    canvas.line([(x + 2, 250), (x + 22, 250)], 2.4, STAND)
    canvas.polygon([(x, y), (x + 20, y - 26), (x + 33, y - 10), (x + 12, y + 18)], PAPER)
    return canvas.image()


def _curtain(look: Look) -> Image.Image:
    pixels = SIDE * SUPERSAMPLING
    x = np.arange(pixels)[:, None] / SUPERSAMPLING
    waves = FOLD_HEIGHTS * np.sin(x / FOLD_WIDTHS + np.array(look.folds))
    value = np.clip(look.curtain_value * (0.78 + 0.2 * waves.sum(1)), 0.08, 1)
    saturation = 0.86 - 0.12 * value
    across = _rgb(look.curtain_hue, saturation, value)
    light = np.linspace(TOP_LIGHT, FOOT_LIGHT, pixels)[:, None, None]
    colours = np.clip(255 * across[None] * light, 0, 255)
    return Image.fromarray(colours.astype(np.uint8))


def _rgb(hue: float, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """HSV to RGB for one hue, all in [0, 1], shape [pixels, 3]."""
    place = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    ramp = np.clip(np.minimum(place, 4 - place), 0, 1)
    return value[:, None] * (1 - saturation[:, None] * ramp)
