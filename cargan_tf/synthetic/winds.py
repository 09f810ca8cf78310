"""Flute, oboe, clarinet, bassoon and saxophone: louder playing lifts or swings the instrument,
higher notes bring the hands nearer to the mouth."""

from __future__ import annotations

from cargan_tf.synthetic.brass import SILVER, polished
from cargan_tf.synthetic.canvas import BLACK, Axis, Canvas, Color, Point, bezier, darker, lighter
from cargan_tf.synthetic.figure import Body, Look, Pose, draw_hand, draw_left_arm, draw_right_arm

KEYS: Color = (196, 198, 206)
REED: Color = (200, 154, 92)
ROSEWOOD: Color = (112, 32, 24)
ROSEWOOD_SHINE: Color = (226, 150, 130)
IVORY: Color = (238, 232, 214)
GRENADILLA_SHINE: Color = (200, 200, 215)


def draw_flute(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A flute held across, to the viewer's left."""
    x, y = body.mouth
    axis = Axis((x + 14, y + 1), 160 + 38 * pose.loudness)
    canvas.tube([axis.at(0), axis.at(106)], 4.4, SILVER)
    for along in range(34, 100, 7):
        canvas.ellipse(axis.at(along, 1.0), 2.3, 1.8, darker(SILVER, 0.25))
    canvas.ellipse(axis.at(14, 0.5), 4.5, 2.2, darker(SILVER, 0.2))
    draw_right_arm(canvas, look, body, axis.at(48 - 16 * pose.pitch, -3))
    draw_left_arm(canvas, look, body, axis.at(94 - 34 * pose.pitch, -3))


def draw_oboe(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """An oboe: thin, straight, its bell a small bulb."""
    axis = Axis(body.mouth, 112 - 46 * pose.loudness)
    hands = _reach(canvas, look, body, pose, axis, low=62, high=38)
    canvas.line([axis.at(0), axis.at(14)], 2.2, REED)
    canvas.tube([axis.at(13), axis.at(76)], 4.2, BLACK, GRENADILLA_SHINE)
    canvas.blob(axis.at(79), 6.5, 5.2, BLACK, axis.degrees)
    for along in range(20, 70, 6):
        canvas.ellipse(axis.at(along, 1.4), 1.7, 1.5, KEYS)
    _grip(canvas, look, hands)


def draw_clarinet(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A clarinet: thicker than the oboe, with silver rings and a wide bell."""
    axis = Axis(body.mouth, 116 - 50 * pose.loudness)
    hands = _reach(canvas, look, body, pose, axis, low=72, high=42)
    canvas.tube([axis.at(0), axis.at(92)], 7.0, BLACK, GRENADILLA_SHINE)
    canvas.polygon(
        [axis.at(82, -3.5), axis.at(100, -14), axis.at(100, 14), axis.at(82, 3.5)], BLACK
    )
    canvas.ellipse(axis.at(100), 3.2, 14, KEYS, axis.degrees)
    canvas.ellipse(axis.at(100.5), 2.2, 12, (60, 58, 64), axis.degrees)
    for along in (16, 48, 80):
        canvas.line([axis.at(along, -4), axis.at(along, 4)], 2.4, KEYS)
    for along in range(24, 78, 6):
        canvas.ellipse(axis.at(along, 1.8), 1.8, 1.5, KEYS)
    _grip(canvas, look, hands)


def draw_bassoon(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A bassoon: a long double tube from the hip up past the head, with a bent crook."""
    x, y = body.hips
    axis = Axis((x - 46, y + 46), -54 - 18 * pose.loudness)
    canvas.tube([axis.at(0), axis.at(206)], 10, ROSEWOOD, ROSEWOOD_SHINE)
    canvas.tube([axis.at(0, 6), axis.at(128, 6)], 7, darker(ROSEWOOD, 0.2), ROSEWOOD_SHINE)
    canvas.line([axis.at(198), axis.at(207)], 10.5, IVORY)
    for along in range(30, 190, 11):
        canvas.ellipse(axis.at(along, -1), 2.6, 2.3, SILVER)
    start = axis.at(122, 8)
    mouth_x, mouth_y = body.mouth
    bend = (start[0] + 12, start[1] - 16)
    over = (mouth_x + 12, mouth_y - 10)
    canvas.line(bezier(start, bend, over, body.mouth), 2.2, SILVER)
    draw_left_arm(canvas, look, body, axis.at(48 + 26 * pose.pitch))
    draw_right_arm(canvas, look, body, axis.at(100 + 30 * pose.pitch, 3))


def draw_sax(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """An alto saxophone: a golden cone with a bow and a bell that swings outwards when loud."""
    metal = polished(look)
    x, y = body.mouth
    top = (x - 23, y + 12)
    axis = Axis(top, 98 - 28 * pose.loudness)
    hands = (axis.at(40 - 28 * pose.pitch, -1), axis.at(84 - 42 * pose.pitch, 2))
    draw_right_arm(canvas, look, body, hands[0])
    draw_left_arm(canvas, look, body, hands[1])
    canvas.line([(x, y), (x - 8, y - 1)], 5, BLACK)
    canvas.tube(bezier((x - 7, y - 1), (x - 22, y - 6), top), 4.4, metal)
    _draw_sax_bell(canvas, axis, metal)
    canvas.tube([axis.at(0), axis.at(40)], 7, metal)
    canvas.tube([axis.at(38), axis.at(80)], 10, metal)
    canvas.tube(bezier(axis.at(80), axis.at(106), axis.at(104, -27), axis.at(78, -27)), 14, metal)
    for along in range(10, 78, 10):
        canvas.blob(axis.at(along), 2.8, 2.8, lighter(metal, 0.5))
    _grip(canvas, look, hands)


def _draw_sax_bell(canvas: Canvas, axis: Axis, metal: Color) -> None:
    opening = axis.at(46, -36)
    cone = [axis.at(84, -20), axis.at(84, -34), axis.at(46, -54), axis.at(46, -18)]
    canvas.polygon(cone, metal)
    canvas.line([*cone, cone[0]], 1.6, darker(metal, 0.5))
    canvas.blob(opening, 6.5, 18, lighter(metal, 0.2), axis.degrees)
    canvas.ellipse(opening, 4.4, 14.5, darker(metal, 0.6), axis.degrees)


def _reach(
    canvas: Canvas, look: Look, body: Body, pose: Pose, axis: Axis, low: float, high: float
) -> tuple[Point, Point]:
    """Both arms, behind a straight pipe that is yet to be drawn; gives where the hands are.

    ``low`` and ``high`` are the hands' places along the pipe on the lowest note.
    """
    upper = axis.at(high - 16 * pose.pitch)
    lower = axis.at(low - 26 * pose.pitch)
    draw_right_arm(canvas, look, body, upper)
    draw_left_arm(canvas, look, body, lower)
    return upper, lower


def _grip(canvas: Canvas, look: Look, hands: tuple[Point, Point]) -> None:
    for hand in hands:
        draw_hand(canvas, look, hand)
