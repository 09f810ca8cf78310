"""The picture of a player with the instrument, in a pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from cargan_tf.data.sample import brass, strings, winds
from cargan_tf.data.sample.canvas import Canvas, View
from cargan_tf.data.sample.figure import Body, Pose, body_in, draw_body
from cargan_tf.data.sample.players import Look


@dataclass(frozen=True)
class Scene:
    """How the players of one instrument are placed.

    Attributes:
        draw: draws the instrument and the arms over the body.
        middle: where the player is from left to right; 128 is the picture's middle.
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
    "bassoon": Scene(winds.draw_bassoon),
    "cello": Scene(strings.draw_cello, middle=124, knees=36),
    "clarinet": Scene(winds.draw_clarinet),
    "double_bass": Scene(
        strings.draw_double_bass, middle=98, magnification=1.0, drop=0, standing=True
    ),
    "flute": Scene(winds.draw_flute, middle=140),
    "horn": Scene(brass.draw_horn),
    "oboe": Scene(winds.draw_oboe),
    "sax": Scene(winds.draw_sax),
    "trombone": Scene(brass.draw_trombone, middle=148),
    "trumpet": Scene(brass.draw_trumpet, middle=144),
    "tuba": Scene(brass.draw_tuba, middle=108),
    "viola": Scene(strings.draw_viola, middle=116),
    "violin": Scene(strings.draw_violin, middle=120),
}


def draw_player(label: str, look: Look, pose: Pose, stage: Image.Image) -> Image.Image:
    """A player of ``label`` before ``stage`` (from ``backdrop``): RGB, ``SIDE`` pixels a side."""
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
