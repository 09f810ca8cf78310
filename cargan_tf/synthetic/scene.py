"""The image of a player with the instrument, in a pose, before a background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cargan_tf.synthetic import string_shapes, wind_shapes
from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING, Canvas, View
from cargan_tf.synthetic.figure import Body, Look, Pose, body_in, draw_body

#: Width and height of each of the curtain's waves, pixels and share.
FOLD_WIDTHS = np.array([17.0, 9.5, 5.8, 3.1, 26.0, 2.2])
FOLD_HEIGHTS = np.array([0.5, 0.35, 0.25, 0.15, 0.1, 0.08])

#: Light of the curtain at its top and at its foot.
TOP_LIGHT, FOOT_LIGHT = 1.05, 0.72

FLOOR = (58, 48, 46)
STAND = (30, 30, 34)
PAPER = (236, 238, 244)


def background(look: Look) -> Image.Image:
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
    colors = np.clip(255 * across[None] * light, 0, 255)
    return Image.fromarray(colors.astype(np.uint8))


def _rgb(hue: float, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """HSV to RGB for one hue, all in [0, 1], shape [pixels, 3]."""
    position = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    ramp = np.clip(np.minimum(position, 4 - position), 0, 1)
    return value[:, None] * (1 - saturation[:, None] * ramp)


@dataclass(frozen=True)
class Scene:
    """How the players of one instrument are placed.

    Attributes:
        draw: draws the instrument and the arms over the body.
        middle: where the player is from left to right; 128 is the image's middle.
        magnification: of the whole; the double bass needs the height.
        drop: pixels by which the whole is moved down.
        standing: whether the player stands.
        knees: how far apart seated knees are, from the middle.
    """

    draw: Callable[[Canvas, Look, Body, Pose], None]
    middle: float = 128.0
    magnification: float = 1.17
    drop: float = 6.0
    standing: bool = False
    knees: float = 22.0


SCENES: dict[str, Scene] = {
    "bassoon": Scene(wind_shapes.draw_bassoon),
    "cello": Scene(string_shapes.draw_cello, middle=124, knees=36),
    "clarinet": Scene(wind_shapes.draw_clarinet),
    "double_bass": Scene(
        string_shapes.draw_double_bass, middle=98, magnification=1.0, drop=0, standing=True
    ),
    "flute": Scene(wind_shapes.draw_flute, middle=140),
    "horn": Scene(wind_shapes.draw_horn),
    "oboe": Scene(wind_shapes.draw_oboe),
    "sax": Scene(wind_shapes.draw_sax),
    "trombone": Scene(wind_shapes.draw_trombone, middle=148),
    "trumpet": Scene(wind_shapes.draw_trumpet, middle=144),
    "tuba": Scene(wind_shapes.draw_tuba, middle=108),
    "viola": Scene(string_shapes.draw_viola, middle=116),
    "violin": Scene(string_shapes.draw_violin, middle=120),
}


def draw_player(label: str, look: Look, pose: Pose, stage: Image.Image) -> Image.Image:
    """A player of ``label`` before ``stage`` (from ``background``): RGB, ``SIDE`` pixels a side."""
    scene = SCENES[label]
    right, down = look.shift
    view = View(
        magnification=scene.magnification * look.magnification,
        shift=(right, down + scene.drop),
    )
    canvas = Canvas(stage, view)
    body = body_in(pose, scene.middle, scene.standing)
    draw_body(canvas, look, body, pose, scene.knees)
    scene.draw(canvas, look, body, pose)
    return canvas.finished()
