"""Violin, viola, cello and double bass: higher notes bring the left hand nearer to the bridge,
louder ones lift the instrument, turn the bow and draw more of it."""

from __future__ import annotations

from typing import Final

from cargan_tf.synthetic.canvas import BLACK, Axis, Canvas, Color, Point, bezier, darker, mix
from cargan_tf.synthetic.figure import MATERIALS, Body, Look, Pose
from cargan_tf.synthetic.figure_shapes import draw_left_arm, draw_right_arm

VARNISH_LIGHT: Color = (255, 205, 130)
VARNISH_DARK: Color = (26, 10, 4)
EBONY: Color = (36, 28, 30)
BRIDGE: Color = (240, 214, 164)
STEEL: Color = (150, 152, 160)
BOW_STICK: Color = (88, 40, 24)
BOW_HAIR: Color = (250, 246, 232)

#: Half the outline of a body from its foot to its neck: half widths at places along it, both as
#: fractions of its length. Two bouts with corners at the waist between them.
_LOWER: Final[list[Point]] = [
    *bezier((0, 0), (-0.015, 0.2), (0.06, 0.34), (0.21, 0.335)),
    *bezier((0.21, 0.335), (0.31, 0.33), (0.35, 0.28), (0.405, 0.265)),
    *bezier((0.405, 0.265), (0.44, 0.17), (0.56, 0.15), (0.62, 0.225)),
]
FIDDLE: Final[list[Point]] = [
    *_LOWER,
    *bezier((0.62, 0.225), (0.66, 0.265), (0.72, 0.28), (0.79, 0.275)),
    *bezier((0.79, 0.275), (0.94, 0.26), (1.01, 0.17), (1.0, 0.04)),
]
#: The double bass has sloping shoulders.
BASS: Final[list[Point]] = [
    *_LOWER,
    *bezier((0.62, 0.225), (0.66, 0.265), (0.72, 0.28), (0.78, 0.265)),
    *bezier((0.78, 0.265), (0.9, 0.22), (0.97, 0.1), (1.06, 0.045)),
]

#: Where on the neck the left hand stops the lowest and the highest note, in body lengths.
LOWEST_STOP, HIGHEST_STOP = 1.45, 0.88


def draw_violin(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A violin under the chin, held to the viewer's right."""
    x, y = body.head
    axis = Axis((x + 9, y + 27), 20 - 36 * pose.loudness)
    _draw_on_shoulder(canvas, look, body, pose, axis, 60, _varnished("violin", look))


def draw_viola(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A viola: larger and darker than the violin, and held lower."""
    x, y = body.head
    axis = Axis((x + 9, y + 31), 36 - 34 * pose.loudness)
    _draw_on_shoulder(canvas, look, body, pose, axis, 78, _varnished("viola", look))


def draw_cello(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A cello between the knees."""
    axis = Axis((body.hips[0] + 8, 230), -86 + 13 * pose.loudness)
    wood = _varnished("cello", look)
    _draw_upright(canvas, look, body, pose, axis, 112, wood, FIDDLE, bow=56)


def draw_double_bass(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A double bass beside its standing player, taller than they are."""
    axis = Axis((body.hips[0] + 66, 232), -91 + 11 * pose.loudness)
    wood = _varnished("double_bass", look)
    _draw_upright(canvas, look, body, pose, axis, 146, wood, BASS, bow=54)


def _draw_on_shoulder(
    canvas: Canvas, look: Look, body: Body, pose: Pose, axis: Axis, length: float, wood: Color
) -> None:
    draw_right_arm(canvas, look, body, axis.at(length * _stop(pose), 4))
    _draw_fiddle(canvas, axis, length, wood, FIDDLE)
    _draw_fingers(canvas, look, axis, length, pose)
    # Upright whatever the instrument does, so that the bow stays beside the face.
    frog = _draw_bow(canvas, axis.at(0.53 * length), 288 - 20 * pose.pitch, 49, pose)
    draw_left_arm(canvas, look, body, frog)


def _draw_upright(
    canvas: Canvas,
    look: Look,
    body: Body,
    pose: Pose,
    axis: Axis,
    length: float,
    wood: Color,
    outline: list[Point],
    bow: float,
) -> None:
    canvas.line([axis.at(-14), axis.at(2)], 4, STEEL)
    draw_right_arm(canvas, look, body, axis.at(length * _stop(pose), 4))
    _draw_fiddle(canvas, axis, length, wood, outline)
    _draw_fingers(canvas, look, axis, length, pose)
    frog = _draw_bow(canvas, axis.at(0.5 * length), -10 + 26 * pose.pitch, bow, pose)
    draw_left_arm(canvas, look, body, frog)


def _stop(pose: Pose) -> float:
    return LOWEST_STOP + (HIGHEST_STOP - LOWEST_STOP) * pose.pitch


def _draw_fingers(canvas: Canvas, look: Look, axis: Axis, length: float, pose: Pose) -> None:
    """The fingers of the left hand, in front of the neck."""
    canvas.blob(axis.at(length * _stop(pose), 1), 6.5, 6, look.skin)


def _varnished(label: str, look: Look) -> Color:
    light = VARNISH_LIGHT if look.tint > 0 else VARNISH_DARK
    return mix(MATERIALS[label], light, 0.2 * abs(look.tint))


def _draw_bow(
    canvas: Canvas, contact: Point, degrees: float, half_length: float, pose: Pose
) -> Point:
    """A bow over ``contact``, drawn farther the louder it is; gives where its frog is held."""
    offset = (pose.loudness - 0.5) * 0.6 * half_length
    axis = Axis(contact, degrees)
    frog, tip = -half_length + offset, half_length + offset
    canvas.line(axis.path((frog, 0), (tip, 0)), 7.5, BOW_STICK)
    canvas.line(axis.path((frog + 1, 1.6), (tip - 2, 1.6)), 3.2, BOW_HAIR)
    canvas.line(axis.path((frog, 1), (frog + 8, 1)), 7.5, BLACK)
    return axis.at(frog)


def _draw_fiddle(
    canvas: Canvas, axis: Axis, length: float, wood: Color, outline: list[Point]
) -> None:
    """Body from the axis' origin to ``length``, neck and scroll to 1.75 times that."""

    def scaled(*places: Point) -> list[Point]:
        return axis.path(*((along * length, across * length) for along, across in places))

    sides = [(along, -across) for along, across in outline]
    neck = max(5.0, 0.075 * length)
    canvas.limb(scaled((0.95, 0), (1.6, 0)), neck, darker(wood, 0.3))
    canvas.blob(scaled((1.68, 0))[0], max(5.5, 0.075 * length), 0.7 * neck, wood, axis.degrees)
    for peg in (1.58, 1.66):
        canvas.line(scaled((peg, -0.09), (peg, 0.09)), max(3.0, 0.032 * length), EBONY)
    canvas.shape(scaled(*outline, *sides[::-1]), darker(wood, 0.18))
    inner = [(0.02 + 0.96 * along, 0.85 * across) for along, across in outline]
    canvas.polygon(
        scaled(*inner, *[(along, -across) for along, across in inner[::-1]]),
        mix(wood, VARNISH_LIGHT, 0.1),
    )
    board = 0.5 * max(4.6, 0.09 * length)
    canvas.line(scaled((0.64, 0), (1.5, 0)), 2 * board, EBONY, 1.6 * board)
    canvas.line(scaled((0.06, 0), (0.28, 0)), board, EBONY, 2 * board)
    for side in (-1, 1):
        hole = scaled((0.34, side * 0.16), (0.42, side * 0.125), (0.5, side * 0.145))
        canvas.line(hole, max(3.0, 0.03 * length), EBONY)
    canvas.line(scaled((0.4, -0.085), (0.4, 0.085)), max(3.4, 0.04 * length), BRIDGE)
