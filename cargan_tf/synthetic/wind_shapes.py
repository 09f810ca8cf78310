"""Wind instruments.

Brass (trumpet, trombone, horn, tuba): louder playing lifts the bell, pitch moves slide and hands.
Woodwind (flute, oboe, clarinet, bassoon, saxophone): louder playing lifts or swings the instrument,
higher notes bring the hands nearer to the mouth.
"""

from __future__ import annotations

from cargan_tf.synthetic.canvas import (
    BLACK,
    Axis,
    Canvas,
    Color,
    Point,
    bezier,
    darker,
    lighter,
    mix,
    ring,
)
from cargan_tf.synthetic.figure import Body, Look, Pose, draw_hand, draw_left_arm, draw_right_arm

GOLD: Color = (220, 168, 52)
PALE_GOLD: Color = (255, 240, 190)
RED_BRASS: Color = (150, 72, 28)
SILVER: Color = (204, 208, 216)


KEYS: Color = (196, 198, 206)
REED: Color = (200, 154, 92)
ROSEWOOD: Color = (112, 32, 24)
ROSEWOOD_SHINE: Color = (226, 150, 130)
IVORY: Color = (238, 232, 214)
GRENADILLA_SHINE: Color = (200, 200, 215)


def polished(look: Look) -> Color:
    """The brass of one player: from red to pale."""
    return mix(GOLD, PALE_GOLD if look.tint > 0 else RED_BRASS, 0.4 * abs(look.tint))


def draw_trumpet(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A trumpet pointed to the viewer's left, its three valves in the middle."""
    metal = polished(look)
    x, y = body.mouth
    axis = Axis((x - 1, y), 164 + 40 * pose.loudness)
    canvas.line([axis.at(0), axis.at(6)], 4.5, SILVER)
    canvas.tube([axis.at(5), axis.at(30)], 3.2, metal)
    canvas.tube([axis.at(24, 8), axis.at(84, 8)], 3.6, metal)
    canvas.tube([axis.at(24, -8), axis.at(70, -8)], 3.6, metal)
    canvas.tube(
        bezier(axis.at(70, -8), axis.at(84, -8), axis.at(84, 8), axis.at(70, 8)), 3.6, metal
    )
    canvas.tube(
        bezier(axis.at(26, -8), axis.at(12, -8), axis.at(12, 8), axis.at(26, 8)), 3.6, metal
    )
    _draw_bell(canvas, axis, metal, start=72, end=102, across=8, throat=3, radius=18)
    _draw_valves(canvas, axis, metal, pose)
    draw_right_arm(canvas, look, body, axis.at(66 - 22 * pose.pitch, -14))
    draw_left_arm(canvas, look, body, axis.at(54 - 16 * pose.pitch, 15))


def draw_trombone(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A trombone whose slide is out for low notes and in for high ones."""
    metal = polished(look)
    x, y = body.mouth
    axis = Axis((x - 1, y), 164 + 30 * pose.loudness)
    slide = 108 - 58 * pose.pitch
    back = bezier(axis.at(-34, 16), axis.at(-50, 16), axis.at(-50, 0), axis.at(-34, 0))
    canvas.tube([axis.at(-34, 16), axis.at(52, 16)], 3.6, metal)
    canvas.tube(back, 3.6, metal)
    canvas.tube([axis.at(-34, 0), axis.at(4, 0)], 3.2, metal)
    canvas.tube([axis.at(2, -2), axis.at(slide, -2)], 2.8, SILVER)
    canvas.tube([axis.at(16, -13), axis.at(slide, -13)], 2.8, SILVER)
    end = bezier(
        axis.at(slide, -2), axis.at(slide + 10, -2), axis.at(slide + 10, -13), axis.at(slide, -13)
    )
    canvas.tube(end, 3.2, metal)
    canvas.line([axis.at(12, -2), axis.at(12, -13)], 2.6, metal)
    grip = max(slide - 44, 24)
    canvas.line([axis.at(grip, -2), axis.at(grip, -13)], 2.6, metal)
    canvas.line([axis.at(0, -1), axis.at(6, -1)], 5, SILVER)
    _draw_bell(canvas, axis, metal, start=40, end=78, across=16, throat=2.5, radius=21)
    draw_right_arm(canvas, look, body, axis.at(12, -14))
    draw_left_arm(canvas, look, body, axis.at(grip, -9))


def draw_horn(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A French horn: a coil on the lap, one hand on the valves, one in the wide bell."""
    metal = polished(look)
    x = body.head[0]
    center = (x - 4, body.right_shoulder[1] + 50 - 8 * pose.loudness)
    axis = Axis(center, 22 - 44 * pose.loudness)
    bell = axis.at(-30, 28)
    throat = [axis.at(0, 6), axis.at(16, 20), axis.at(-8, 48), axis.at(-46, 10)]
    canvas.polygon(throat, darker(metal, 0.35))
    canvas.blob(bell, 30, 22, metal, axis.degrees + 42)
    canvas.ellipse(bell, 21, 14, darker(metal, 0.55), axis.degrees + 42)
    for radius in (29, 23, 17, 11):
        coil = ring(center, radius, 0.94 * radius)
        canvas.limb([*coil, coil[0]], 3.4, lighter(metal, 0.05 + 0.01 * radius))
    mouth_x, mouth_y = body.mouth
    pipe = bezier(body.mouth, (mouth_x - 4, mouth_y + 18), axis.at(-26, -36), axis.at(-27, -8))
    canvas.tube(pipe, 2.8, metal)
    canvas.line([body.mouth, (mouth_x - 1, mouth_y + 6)], 4.2, SILVER)
    for valve in range(3):
        along = 4 + 7 * valve
        canvas.line([axis.at(along, -8), axis.at(along + 4, 8)], 4, SILVER)
    draw_left_arm(canvas, look, body, axis.at(-24, 26))
    draw_right_arm(canvas, look, body, axis.at(18 + 4 * pose.pitch, 14 - 40 * pose.pitch))


def draw_tuba(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A tuba on the lap: the largest of the brass, its bell opens above the player's head."""
    metal = polished(look)
    x, y = body.hips
    axis = Axis((x + 20, y - 2), -96 + 20 * pose.loudness)
    left, right = -32, 34
    bottom = bezier(axis.at(0, left), axis.at(-30, left), axis.at(-30, right), axis.at(4, right))
    canvas.tube([axis.at(0, left), axis.at(66, left)], 12, metal)
    canvas.tube(bottom, 15, metal)
    _draw_bell(canvas, axis, metal, start=60, end=126, across=right, throat=9.5, radius=38)
    canvas.tube([axis.at(4, right), axis.at(64, right)], 18, metal)
    top = bezier(axis.at(66, left), axis.at(84, left), axis.at(80, 8), axis.at(58, 8))
    canvas.tube(top, 8, metal)
    for valve in range(3):
        across = -17 + 11 * valve
        canvas.limb([axis.at(14, across), axis.at(52, across)], 6, lighter(metal, 0.3))
        canvas.line([axis.at(52, across), axis.at(60, across)], 2.4, SILVER)
    mouth_x, mouth_y = body.mouth
    pipe = bezier(body.mouth, (mouth_x + 14, mouth_y + 2), axis.at(82, 20), axis.at(66, 10))
    canvas.tube(pipe, 3.2, metal)
    canvas.line([body.mouth, (mouth_x + 5, mouth_y + 1)], 5, SILVER)
    draw_right_arm(canvas, look, body, axis.at(22, right + 4))
    draw_left_arm(canvas, look, body, axis.at(28 + 36 * pose.pitch, -14))


def _draw_bell(
    canvas: Canvas,
    axis: Axis,
    metal: Color,
    start: float,
    end: float,
    across: float,
    throat: float,
    radius: float,
) -> None:
    """A flaring bell along the axis, from a radius of ``throat`` to one of ``radius``."""
    middle = start + 0.65 * (end - start)
    waist = throat + 0.3 * (radius - throat)

    def side(sign: int) -> list[Point]:
        return bezier(
            axis.at(start, across + sign * throat),
            axis.at(middle, across + sign * throat),
            axis.at(middle, across + sign * waist),
            axis.at(end, across + sign * radius),
        )

    flare = side(-1) + side(1)[::-1]
    canvas.polygon(flare, metal)
    canvas.line(flare, 1.4, darker(metal, 0.5))
    rim = axis.at(end, across)
    canvas.ellipse(rim, 0.16 * radius + 1.5, radius + 1, darker(metal, 0.4), axis.degrees)
    canvas.ellipse(rim, 0.16 * radius + 0.6, radius, lighter(metal, 0.3), axis.degrees)


def _draw_valves(canvas: Canvas, axis: Axis, metal: Color, pose: Pose) -> None:
    """Three valves; more of them are pressed for lower notes."""
    for number, along in enumerate((38, 46, 54)):
        pressed = 6 * min(max(3 * (1 - pose.pitch) - number, 0), 1)
        canvas.limb([axis.at(along, -12), axis.at(along, 12)], 4.4, lighter(metal, 0.3))
        canvas.line([axis.at(along, 12), axis.at(along, 20 - pressed)], 2, SILVER)


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
