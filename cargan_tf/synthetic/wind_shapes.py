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
from cargan_tf.synthetic.figure import MATERIALS, Body, Look, Pose
from cargan_tf.synthetic.figure_shapes import draw_hand, draw_left_arm, draw_right_arm

PALE_GOLD: Color = (255, 232, 160)
RED_BRASS: Color = (206, 120, 44)
SILVER: Color = (222, 228, 236)
STEEL: Color = (150, 156, 168)
REED: Color = (240, 206, 140)
IVORY: Color = (250, 244, 228)


def polished(look: Look) -> Color:
    """The brass of one player: from red to pale."""
    return mix(MATERIALS["sax"], PALE_GOLD if look.tint > 0 else RED_BRASS, 0.5 * abs(look.tint))


def draw_trumpet(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A trumpet pointed to the viewer's left, its three valves in the middle."""
    metal = polished(look)
    axis = Axis(body.mouth, 166 + 30 * pose.loudness)
    loop = [
        *bezier((32, 0), (18, 0), (18, -20), (32, -20)),
        *bezier((72, -20), (86, -20), (86, 0), (72, 0)),
    ]
    canvas.tube(axis.path(*loop, loop[0]), 5.5, metal)
    _draw_bell(canvas, axis, metal, start=66, end=108, across=0, throat=3.2, radius=23)
    canvas.tube(axis.path((8, 0), (70, 0)), 6, metal)
    canvas.limb(axis.path((1.5, 0), (9, 0)), 6.5, SILVER, 4.5)
    _draw_valves(canvas, axis, metal, pose)
    draw_right_arm(canvas, look, body, axis.at(28, -8))
    draw_left_arm(canvas, look, body, axis.at(78 - 34 * pose.pitch, -22))


def draw_trombone(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A trombone whose slide is out for low notes and in for high ones."""
    metal = polished(look)
    axis = Axis(body.mouth, 168 + 24 * pose.loudness)
    grip = 82 - 58 * pose.pitch
    end = grip + 56
    lower, bell = -13, -34
    back = bezier((-30, lower), (-46, lower), (-46, bell), (-30, bell))
    canvas.limb(axis.path((8, 0), (grip, 0)), 4, SILVER)
    canvas.limb(axis.path((12, lower), (grip, lower)), 4, SILVER)
    turn = bezier((end, 0), (end + 10, 0), (end + 10, lower), (end, lower))
    canvas.tube(axis.path((grip, 0), *turn, (grip, lower)), 6, metal)
    for brace in (14.0, grip):
        canvas.limb(axis.path((brace, 0), (brace, lower)), 4, metal)
    canvas.limb(axis.path((1.5, 0), (9, 0)), 7, SILVER, 5)
    draw_right_arm(canvas, look, body, axis.at(14, lower))
    draw_left_arm(canvas, look, body, axis.at(grip, -7))
    # The bell is on the viewer's side of the arms, the slide on the other.
    canvas.tube(axis.path((10, lower), *back, (30, bell)), 6, metal)
    _draw_bell(canvas, axis, metal, start=22, end=72, across=bell, throat=3.5, radius=25)
    for hand in (axis.at(14, lower), axis.at(grip, -7)):
        draw_hand(canvas, look, hand)


def draw_horn(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A French horn: a coil on the lap, one hand on the valves, one in the wide bell."""
    metal = polished(look)
    x = 0.5 * (body.left_shoulder[0] + body.right_shoulder[0])
    center = (x + 2, body.right_shoulder[1] + 44 - 8 * pose.loudness)
    axis = Axis(center, 26 - 48 * pose.loudness)
    bell = axis.at(-42, 22)
    canvas.limb([axis.at(22, 24), axis.at(0, 32), bell], 12, metal, 30)
    draw_left_arm(canvas, look, body, bell)
    canvas.blob(bell, 31, 29, metal, axis.degrees)
    canvas.ellipse(bell, 24, 22, darker(metal, 0.35), axis.degrees)
    canvas.ellipse(axis.at(-40, 24), 15, 13.5, darker(metal, 0.6), axis.degrees)
    _draw_hand_in_bell(canvas, look, body, bell)
    for radius, width in ((33, 8), (18, 6.5)):
        coil = ring(center, radius, radius)
        canvas.tube([*coil, coil[0]], width, metal)
    mouth_x, mouth_y = body.mouth
    pipe = bezier(
        (mouth_x, mouth_y + 6), (mouth_x - 2, mouth_y + 24), axis.at(-40, -34), axis.at(-32, -6)
    )
    canvas.tube(pipe, 5, metal)
    canvas.limb([(mouth_x, mouth_y + 2), (mouth_x, mouth_y + 9)], 7, SILVER, 5)
    for valve in (-9, 0, 9):
        canvas.limb(axis.path((valve, -9), (valve, 9)), 5.5, SILVER)
    draw_right_arm(canvas, look, body, axis.at(33 - 4 * pose.pitch, 18 - 38 * pose.pitch))


def _draw_hand_in_bell(canvas: Canvas, look: Look, body: Body, bell: Point) -> None:
    """The forearm comes over the rim, the hand is in the bell."""
    x, y = bell
    toward = -10 if body.left_shoulder[0] < x else 10
    canvas.limb([(x + toward, y - 16), (x, y)], 11, look.skin)
    draw_hand(canvas, look, bell)


def draw_tuba(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A tuba on the lap: the largest of the brass, its bell opens above the player's head."""
    metal = polished(look)
    x, y = body.hips
    axis = Axis((x + 34, y - 4), -91 + 17 * pose.loudness)
    left, right = -36, 34
    bottom = bezier((2, left), (-36, left), (-36, right), (6, right))
    canvas.tube(axis.path((66, left), *bottom), 14, metal, 21)
    _draw_bell(canvas, axis, metal, start=62, end=132, across=right, throat=10, radius=43)
    canvas.tube(axis.path((4, right), (68, right)), 21, metal)
    top = bezier((64, left), (88, left), (86, 6), (58, 6))
    canvas.tube(axis.path(*top), 11, metal)
    for valve in range(3):
        across = -19 + 13 * valve
        canvas.limb(axis.path((10, across), (48, across)), 8.5, lighter(metal, 0.3))
        canvas.line(axis.path((50, across), (57, across)), 5, SILVER)
    mouth_x, mouth_y = body.mouth
    pipe = bezier(
        (mouth_x + 5, mouth_y + 1), (mouth_x + 20, mouth_y + 6), axis.at(84, 14), axis.at(66, 24)
    )
    canvas.tube(pipe, 5.5, metal)
    canvas.limb([(mouth_x + 2, mouth_y), (mouth_x + 8, mouth_y + 2)], 8, SILVER, 6)
    draw_right_arm(canvas, look, body, axis.at(30, right + 8))
    draw_left_arm(canvas, look, body, axis.at(22 + 38 * pose.pitch, -19))


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

    def side(sign: float) -> list[Point]:
        return bezier(
            axis.at(start, across + sign * throat),
            axis.at(middle, across + sign * throat),
            axis.at(middle, across + sign * waist),
            axis.at(end, across + sign * radius),
        )

    canvas.shape(side(-1) + side(1)[::-1], metal)
    shaded = -1.0 if axis.at(0, -1)[1] + axis.at(0, -1)[0] > axis.at(0)[1] + axis.at(0)[0] else 1.0
    canvas.polygon(side(shaded) + side(0.3 * shaded)[::-1], darker(metal, 0.2))
    canvas.line(side(-0.3 * shaded)[2:-2], 0.12 * radius + 0.6, lighter(metal, 0.5))
    rim = axis.at(end, across)
    canvas.blob(rim, 0.2 * radius, radius, lighter(metal, 0.3), axis.degrees)
    canvas.ellipse(rim, 0.11 * radius, 0.8 * radius, darker(metal, 0.4), axis.degrees)


def _draw_valves(canvas: Canvas, axis: Axis, metal: Color, pose: Pose) -> None:
    """Three valves; more of them are pressed for lower notes."""
    for number, along in enumerate((42, 52, 62)):
        pressed = 6 * min(max(3 * (1 - pose.pitch) - number, 0), 1)
        canvas.line(axis.path((along, 6), (along, 15 - pressed)), 4.5, SILVER)
        canvas.limb(axis.path((along, -22), (along, 6)), 6.5, lighter(metal, 0.3))


def draw_flute(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A flute held across, to the viewer's left."""
    x, y = body.mouth
    axis = Axis((x, y + 5), 163 + 36 * pose.loudness)
    canvas.tube(axis.path((-13, 0), (108, 0)), 7, SILVER)
    canvas.ellipse(axis.at(0, 2), 6.5, 3.6, STEEL, axis.degrees)
    for along in (36, 52, 68, 84, 98):
        canvas.ellipse(axis.at(along), 3.6, 2.6, STEEL, axis.degrees)
    draw_right_arm(canvas, look, body, axis.at(46 - 14 * pose.pitch, -3))
    draw_left_arm(canvas, look, body, axis.at(94 - 30 * pose.pitch, -3))


def draw_oboe(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """An oboe held out: slim, of dark wood, with a straw-colored reed and hardly a bell."""
    wood = mix(MATERIALS["oboe"], REED, 0.08 * (1 + look.tint))
    axis = Axis(body.mouth, 124 + 36 * pose.loudness)
    canvas.limb(axis.path((2, 0), (18, 0)), 3.6, REED)
    canvas.tube(axis.path((17, 0), (98, 0)), 6, wood, 7)
    canvas.limb(axis.path((94, 0), (104, 0)), 7.5, wood, 10.5)
    for along in (28, 52, 64, 86):
        canvas.line(axis.path((along, -2.4), (along, 2.4)), 3.4, SILVER)
    _grip(canvas, look, body, axis.at(74 - 24 * pose.pitch), axis.at(42 - 12 * pose.pitch))


def draw_clarinet(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A clarinet before the body: black, thicker than an oboe, with a barrel and a wide bell."""
    axis = Axis(body.mouth, 107 - 34 * pose.loudness)
    canvas.limb(axis.path((1, 0), (16, 0)), 5, BLACK, 9)
    canvas.tube(axis.path((14, 0), (90, 0)), 10, BLACK)
    canvas.tube(axis.path((17, 0), (27, 0)), 12.5, BLACK)
    bell = [
        *bezier((80, -5), (91, -5.5), (97, -10), (105, -18)),
        *bezier((105, 18), (97, 10), (91, 5.5), (80, 5)),
    ]
    canvas.shape(axis.path(*bell), BLACK)
    canvas.limb(axis.path((105, -17.5), (105, 17.5)), 4.5, SILVER)
    for along in (31, 58, 82):
        canvas.line(axis.path((along, -5), (along, 5)), 4, SILVER)
    _grip(canvas, look, body, axis.at(74 - 26 * pose.pitch), axis.at(44 - 16 * pose.pitch))


def draw_bassoon(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """A bassoon: a long double tube from the hip up past the head, with a bent crook."""
    wood = mix(MATERIALS["bassoon"], RED_BRASS, 0.2 * (1 + look.tint))
    x, y = body.hips
    axis = Axis((x - 37, y + 44 - 8 * pose.pitch), -51 - 11 * pose.loudness)
    mouth_x, mouth_y = body.mouth
    start = axis.at(134, -4)
    crook = bezier(
        start, (start[0] - 2, start[1] - 16), (mouth_x + 12, mouth_y - 6), (mouth_x + 1, mouth_y)
    )
    canvas.limb(crook, 4, SILVER)
    canvas.tube(axis.path((2, 8), (132, 8)), 9, darker(wood, 0.2))
    canvas.tube(axis.path((0, 0), (218, 0)), 12, wood)
    canvas.limb(axis.path((211, 0), (220, 0)), 14, IVORY)
    for along in (18, 128, 164):
        canvas.line(axis.path((along, -5.5), (along, 5.5)), 4.5, SILVER)
    draw_left_arm(canvas, look, body, axis.at(38 + 30 * pose.pitch, -2))
    draw_right_arm(canvas, look, body, axis.at(86 + 30 * pose.pitch, 6))


def draw_sax(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    """An alto saxophone: a golden cone with a bow and a bell that swings outwards when loud."""
    metal = polished(look)
    x, y = body.mouth
    top = (x - 28, y + 16)
    axis = Axis(top, 74 + 34 * pose.loudness)
    lower, upper = axis.at(76 - 30 * pose.pitch), axis.at(36 - 26 * pose.pitch)
    draw_right_arm(canvas, look, body, upper)
    draw_left_arm(canvas, look, body, lower)
    canvas.tube(bezier((x - 9, y), (x - 26, y - 6), (x - 30, y + 2), top), 6.5, metal)
    canvas.line([(x - 1, y), (x - 10, y - 1)], 4.5, BLACK, 6.5)
    canvas.tube(axis.path((0, 0), (78, 0)), 8, metal, 15)
    _draw_sax_bell(canvas, axis, metal)
    canvas.tube(axis.path(*bezier((76, 0), (108, 0), (108, 34), (78, 34))), 15, metal, 20)
    for along in (12, 30, 48, 66):
        canvas.blob(axis.at(along, 1), 4.2, 4.2, lighter(metal, 0.5))
    for hand in (lower, upper):
        draw_hand(canvas, look, hand)


def _draw_sax_bell(canvas: Canvas, axis: Axis, metal: Color) -> None:
    cone = [
        *bezier((80, 24), (60, 24), (48, 20), (36, 12)),
        *bezier((36, 62), (48, 50), (60, 44), (80, 44)),
    ]
    canvas.shape(axis.path(*cone), metal)
    opening = axis.at(36, 37)
    canvas.blob(opening, 8, 25, lighter(metal, 0.3), axis.degrees)
    canvas.ellipse(opening, 5, 20, darker(metal, 0.5), axis.degrees)


def _grip(canvas: Canvas, look: Look, body: Body, lower: Point, upper: Point) -> None:
    """Both hands on a pipe before the body, the player's right one below."""
    draw_right_arm(canvas, look, body, upper)
    draw_left_arm(canvas, look, body, lower)
    draw_hand(canvas, look, upper)
