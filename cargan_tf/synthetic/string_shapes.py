"""Violin, viola, cello and double bass: higher notes bring the left hand nearer to the bridge,
louder ones lift the instrument, turn the bow and draw more of it."""

from __future__ import annotations

import numpy as np

from cargan_tf.synthetic.canvas import BLACK, Axis, Canvas, Color, Point, darker, mix
from cargan_tf.synthetic.figure import Body, Look, Pose, draw_left_arm, draw_right_arm

VIOLIN_WOOD: Color = (184, 88, 32)
VIOLA_WOOD: Color = (126, 58, 26)
CELLO_WOOD: Color = (176, 74, 30)
BASS_WOOD: Color = (118, 56, 24)
VARNISH_LIGHT: Color = (255, 205, 130)
VARNISH_DARK: Color = (26, 10, 4)
EBONY: Color = (28, 22, 22)
BRIDGE: Color = (222, 196, 150)
STEEL: Color = (90, 90, 96)
STRING: Color = (230, 230, 225)
BOW_STICK: Color = (64, 32, 16)
BOW_HAIR: Color = (240, 234, 216)

#: Outline of the body: half its width at places along it, both as shares of its length.
PLACES = (0, 0.02, 0.1, 0.22, 0.34, 0.44, 0.52, 0.6, 0.7, 0.82, 0.92, 0.985, 1)
HALF_WIDTHS = (0, 0.16, 0.27, 0.305, 0.26, 0.185, 0.175, 0.2, 0.245, 0.245, 0.18, 0.07, 0)

#: Where on the neck the left hand stops the lowest and the highest note, in body lengths.
LOWEST_STOP, HIGHEST_STOP = 1.55, 0.8


def draw_violin(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A violin under the chin, held to the viewer's right."""
    _draw_on_shoulder(canvas, look, body, pose, length=52, wood=VIOLIN_WOOD)


def draw_viola(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A viola: larger and darker than the violin."""
    _draw_on_shoulder(canvas, look, body, pose, length=66, wood=VIOLA_WOOD)


def draw_cello(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A cello between the knees."""
    spike = Axis((body.hips[0] + 6, 240), -83 + 12 * pose.loudness)
    _draw_upright(canvas, look, body, pose, spike, length=98, wood=CELLO_WOOD, bow=58)


def draw_double_bass(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A double bass beside its standing player, taller than they are."""
    spike = Axis((body.hips[0] + 44, 244), -91 + 10 * pose.loudness)
    _draw_upright(canvas, look, body, pose, spike, length=132, wood=BASS_WOOD, bow=48)


def _draw_on_shoulder(
    canvas: Canvas, look: Look, body: Body, pose: Pose, length: float, wood: Color
) -> None:
    x, y = body.head
    axis = Axis((x + 5, y + 21), 20 - 36 * pose.loudness)
    _draw_fiddle(canvas, axis, length, _varnished(wood, look))
    canvas.line([(x - 2, y + 18), (x + 8, y + 21)], 3.5, EBONY)
    draw_right_arm(canvas, look, body, axis.at(length * _stop(pose), 1))
    bow_degrees = axis.degrees + 290 - 34 * pose.pitch
    frog = _draw_bow(canvas, axis.at(0.52 * length, -1), bow_degrees, 54, pose)
    draw_left_arm(canvas, look, body, frog)


def _draw_upright(
    canvas: Canvas,
    look: Look,
    body: Body,
    pose: Pose,
    axis: Axis,
    length: float,
    wood: Color,
    bow: float,
) -> None:
    canvas.line([axis.at(-12), axis.at(2)], 2.4, STEEL)
    _draw_fiddle(canvas, axis, length, _varnished(wood, look))
    draw_right_arm(canvas, look, body, axis.at(length * _stop(pose), 0))
    frog = _draw_bow(canvas, axis.at(0.47 * length), -8 + 26 * pose.pitch, bow, pose)
    draw_left_arm(canvas, look, body, frog)


def _stop(pose: Pose) -> float:
    return LOWEST_STOP + (HIGHEST_STOP - LOWEST_STOP) * pose.pitch


def _varnished(wood: Color, look: Look) -> Color:
    light = VARNISH_LIGHT if look.tint > 0 else VARNISH_DARK
    return mix(wood, light, 0.28 * abs(look.tint))


def _draw_bow(
    canvas: Canvas, contact: Point, degrees: float, half_length: float, pose: Pose
) -> Point:
    """A bow over ``contact``, drawn farther the louder it is; gives where its frog is held."""
    bow_offset = (pose.loudness - 0.5) * 1.1 * half_length
    axis = Axis(contact, degrees)
    frog, tip = axis.at(-half_length + bow_offset), axis.at(half_length + bow_offset)
    hair = [axis.at(-half_length + bow_offset, 2.4), axis.at(half_length + bow_offset, 1.6)]
    canvas.line(hair, 1.4, BOW_HAIR)
    canvas.line([frog, tip], 2.2, BOW_STICK)
    canvas.line([frog, axis.at(-half_length + bow_offset + 5, 1)], 3.6, BLACK)
    return frog


def _draw_fiddle(canvas: Canvas, axis: Axis, length: float, wood: Color) -> None:
    """Body from the axis' origin to ``length``, neck and scroll to 1.7 times that."""

    def at(along: float, across: float = 0.0) -> Point:
        return axis.at(along * length, across * length)

    canvas.polygon(_outline(axis, length, 1.06), darker(wood, 0.6))
    canvas.polygon(_outline(axis, length, 0.97), wood)
    canvas.polygon(_outline(axis, length, 0.7), mix(wood, VARNISH_LIGHT, 0.14))
    canvas.line([at(0.95), at(1.62)], 0.075 * length, darker(wood, 0.45))
    canvas.polygon([at(0.62, -0.055), at(1.55, -0.035), at(1.55, 0.035), at(0.62, 0.055)], EBONY)
    canvas.ellipse(at(1.68), 0.07 * length, 0.055 * length, darker(wood, 0.3), axis.degrees)
    canvas.polygon([at(0.04, -0.02), at(0.3, -0.05), at(0.3, 0.05), at(0.04, 0.02)], EBONY)
    canvas.line([at(0.4, -0.075), at(0.4, 0.075)], max(0.9, 0.022 * length), BRIDGE)
    for side in (-1, 1):
        hole = [at(0.34, side * 0.13), at(0.41, side * 0.1), at(0.48, side * 0.13)]
        canvas.line(hole, max(0.8, 0.02 * length), EBONY)
    for string in (-1.5, -0.5, 0.5, 1.5):
        canvas.line([at(0.3, 0.02 * string), at(1.6, 0.014 * string)], 0.4, STRING)


def _outline(axis: Axis, length: float, width: float) -> list[Point]:
    along = np.linspace(0, 1, 60)
    half = width * np.interp(along, PLACES, HALF_WIDTHS)
    right = [axis.at(length * x, length * y) for x, y in zip(along, half, strict=True)]
    left = [axis.at(length * x, -length * y) for x, y in zip(along, half, strict=True)]
    return right + left[::-1]
