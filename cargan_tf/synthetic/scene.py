"""The image of a player with the instrument, in a pose, before a stage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cargan_tf.synthetic import string_shapes, wind_shapes
from cargan_tf.synthetic.canvas import (
    SIDE,
    SUPERSAMPLING,
    WHITE,
    Canvas,
    Color,
    View,
    darker,
    lighter,
    mix,
    ring,
)
from cargan_tf.synthetic.figure import Body, Look, Pose, Stage, body_in
from cargan_tf.synthetic.figure_shapes import draw_body

#: Where wall and floor meet.
FLOOR_Y = 212.0
#: Widths of a curtain's folds, of the pillars between a hall's panels, and their middles.
FOLD = SIDE / 7
PILLARS = (-2.0, 62.0, 194.0, 258.0)
#: Light of the wall where the lamp points and far from it.
BRIGHT, DIM = 1.14, 0.84


def background(look: Look, side: int = SIDE) -> Image.Image:
    """The empty stage of one player for images of ``side`` pixels, ``SUPERSAMPLING`` times as fine.

    RGB, [side · SUPERSAMPLING, side · SUPERSAMPLING].
    """
    pixels = side * SUPERSAMPLING
    canvas = Canvas(Image.new("RGB", (pixels, pixels), look.stage.wall))
    {"curtain": _draw_curtain, "hall": _draw_hall, "studio": _draw_studio}[look.stage.kind](
        canvas, look.stage
    )
    return _lit(canvas.image(), look.light)


def _draw_curtain(canvas: Canvas, stage: Stage) -> None:
    """Wide folds, each with a light and a dark side."""
    for fold in range(round(SIDE / FOLD)):
        x = fold * FOLD
        for start, end, color in (
            (0.0, 0.3, lighter(stage.wall, 0.06)),
            (0.62, 1.0, darker(stage.wall, 0.11)),
        ):
            left, right = x + start * FOLD, x + end * FOLD
            canvas.polygon([(left, 0), (right, 0), (right, FLOOR_Y), (left, FLOOR_Y)], color)
    _draw_floor(canvas, stage.floor)


def _draw_hall(canvas: Canvas, stage: Stage) -> None:
    """Panels with round arches between pillars, and a dado."""
    panel = lighter(stage.wall, 0.1)
    for left, right in itertools.pairwise(PILLARS):
        middle, half = (left + right) / 2, (right - left) / 2 - 9
        top = 24 + half
        arch = [point for point in ring((middle, top), half, half) if point[1] <= top]
        arch.sort()
        canvas.polygon([(middle - half, 184), *arch, (middle + half, 184)], panel)
    dado = [(0, 190), (SIDE, 190), (SIDE, FLOOR_Y), (0, FLOOR_Y)]
    canvas.polygon(dado, darker(stage.wall, 0.18))
    _draw_floor(canvas, stage.floor)


def _draw_studio(canvas: Canvas, stage: Stage) -> None:
    """A plain wall with one large disk."""
    canvas.ellipse((SIDE / 2, 112), 104, 104, lighter(stage.wall, 0.28))
    _draw_floor(canvas, stage.floor)


def _draw_floor(canvas: Canvas, color: Color) -> None:
    canvas.polygon([(0, FLOOR_Y), (SIDE, FLOOR_Y), (SIDE, SIDE), (0, SIDE)], color)
    canvas.ellipse((SIDE / 2, 242), 104, 13, mix(color, WHITE, 0.12))


def _lit(image: Image.Image, light: float) -> Image.Image:
    """``image`` under a lamp that shines on the wall at ``light`` from left to right."""
    pixels = image.width
    place = (np.arange(pixels) + 0.5) / pixels
    distance = np.hypot((place[None] - light) / 0.75, (place[:, None] - 0.3) / 0.9)
    gain = DIM + (BRIGHT - DIM) * np.exp(-2 * distance**2)
    colors = np.asarray(image, np.float32) * gain[..., None].astype(np.float32)
    return Image.fromarray(np.clip(np.round(colors), 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Scene:
    """How the players of one instrument are placed.

    Attributes:
        draw: draws the instrument and the arms over the body.
        middle: where the player is from left to right; 128 is the image's middle.
        magnification: of the whole; the double bass needs the height.
        standing: whether the player stands.
        knees: how far apart seated knees are, from the middle.
        facing: where the head is turned, -1 (left) to 1 (right).
        blows: whether the lips are at a mouthpiece.
    """

    draw: Callable[[Canvas, Look, Body, Pose], None]
    middle: float = 128.0
    magnification: float = 1.0
    standing: bool = False
    knees: float = 26.0
    facing: float = 0.0
    blows: bool = False

    def body(self, pose: Pose) -> Body:
        """The player's body in ``pose``."""
        return body_in(pose, self.middle, self.standing, self.facing)


SCENES: dict[str, Scene] = {
    "bassoon": Scene(wind_shapes.draw_bassoon, middle=116, blows=True),
    "cello": Scene(string_shapes.draw_cello, middle=118, knees=44, facing=0.4),
    "clarinet": Scene(wind_shapes.draw_clarinet, blows=True),
    "double_bass": Scene(
        string_shapes.draw_double_bass, middle=86, magnification=0.88, standing=True, facing=0.6
    ),
    "flute": Scene(wind_shapes.draw_flute, middle=146, facing=-0.4, blows=True),
    "horn": Scene(wind_shapes.draw_horn, middle=134, blows=True),
    "oboe": Scene(wind_shapes.draw_oboe, middle=146, facing=-0.8, blows=True),
    "sax": Scene(wind_shapes.draw_sax, middle=146, facing=-0.8, blows=True),
    "trombone": Scene(wind_shapes.draw_trombone, middle=172, facing=-1.0, blows=True),
    "trumpet": Scene(wind_shapes.draw_trumpet, middle=160, facing=-1.0, blows=True),
    "tuba": Scene(wind_shapes.draw_tuba, middle=104, facing=0.4, blows=True),
    "viola": Scene(string_shapes.draw_viola, middle=92, facing=0.6),
    "violin": Scene(string_shapes.draw_violin, middle=102, facing=0.6),
}


def draw_player(label: str, look: Look, pose: Pose, stage: Image.Image) -> Image.Image:
    """A player of ``label`` before ``stage`` (from ``background``): RGB, [side, side].

    ``side`` is the one that ``background`` was given, ``SIDE`` unless it was told otherwise.
    """
    scene = SCENES[label]
    view = View(magnification=scene.magnification * look.magnification, shift=look.shift)
    canvas = Canvas(stage, view)
    body = scene.body(pose)
    draw_body(canvas, look, body, pose, scene.knees, scene.blows)
    scene.draw(canvas, look, body, pose)
    return canvas.finished()
