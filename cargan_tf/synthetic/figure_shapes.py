"""The player without the instrument: chair, legs, body, head, arms and hands."""

from __future__ import annotations

import math

from cargan_tf.synthetic.canvas import (
    SIDE_SHADE,
    WHITE,
    Canvas,
    Color,
    Point,
    between,
    bezier,
    darker,
    elbow,
    lighter,
    mix,
    smooth,
)
from cargan_tf.synthetic.figure import HEAD_HEIGHT, HEAD_WIDTH, Body, Look, Pose

CHAIR: Color = (70, 52, 48)
SHOES: Color = (40, 34, 38)
EYES: Color = (38, 30, 34)
LIPS: Color = (190, 70, 74)
BLUSH: Color = (236, 96, 88)
GLASSES: Color = (34, 36, 52)
#: Length of an upper arm, and from the elbow to the grip.
HALF_ARM = 43.0


def draw_body(
    canvas: Canvas, look: Look, body: Body, pose: Pose, knees: float = 26.0, blows: bool = False
) -> None:
    """All but the arms.

    ``knees`` is how far seated players' knees are from the middle; the lips of one who ``blows``
    are round, others smile.
    """
    x, _ = body.hips
    canvas.ellipse((x, 243), 58, 8, darker(look.stage.floor, 0.25))
    if body.standing:
        _draw_standing_legs(canvas, look, body)
    else:
        _draw_chair(canvas, body)
        _draw_seated_legs(canvas, look, body, knees)
    _draw_hair_behind(canvas, look, body)
    _draw_torso(canvas, look, body)
    _draw_head(canvas, look, body, pose, blows)


def draw_left_arm(canvas: Canvas, look: Look, body: Body, hand: Point) -> None:
    """The arm on the viewer's left, with its hand."""
    _draw_arm(canvas, look, body.left_shoulder, hand, outward=-1)


def draw_right_arm(canvas: Canvas, look: Look, body: Body, hand: Point) -> None:
    """The arm on the viewer's right, with its hand."""
    _draw_arm(canvas, look, body.right_shoulder, hand, outward=1)


def draw_hand(canvas: Canvas, look: Look, hand: Point) -> None:
    """A hand alone, where an instrument drawn over the arm would hide it."""
    canvas.blob(hand, 7.2, 6.5, look.skin)


def _draw_arm(canvas: Canvas, look: Look, shoulder: Point, hand: Point, outward: float) -> None:
    bend = elbow(shoulder, hand, HALF_ARM, outward)
    wrist = between(bend, hand, 0.72)
    canvas.limb([bend, hand], 10, look.skin)
    canvas.limb([shoulder, bend], 17, look.shirt, 14.5)
    canvas.limb([bend, wrist], 14.5, look.shirt, 12.5)
    canvas.line([between(bend, shoulder, 0.25), bend, wrist], 9.5, look.shirt)
    cuff = [between(bend, hand, 0.68), wrist]
    canvas.line(cuff, 13, mix(look.shirt, WHITE if sum(look.shirt) < 600 else SHOES, 0.45))
    draw_hand(canvas, look, hand)


def _draw_chair(canvas: Canvas, body: Body) -> None:
    x, y = body.hips
    behind = x - 14 * body.facing
    for side in (-1, 1):
        canvas.line([(x + side * 36, y + 8), (x + side * 40, 240)], 6.5, CHAIR)
        canvas.line([(behind + side * 30, y + 4), (behind + side * 30, y - 50)], 6.5, CHAIR)
    canvas.limb([(behind - 30, y - 46), (behind + 30, y - 46)], 14, CHAIR)
    canvas.limb([(x - 38, y + 9), (x + 38, y + 9)], 11, CHAIR)


def _draw_seated_legs(canvas: Canvas, look: Look, body: Body, knees: float) -> None:
    x, y = body.hips
    turn = body.facing
    for side in (-1, 1):
        knee_x = x + side * knees * (1 - 0.42 * abs(turn)) + 24 * turn
        knee, foot = (knee_x, y + 17), (knee_x + 1.5 * side, 235)
        canvas.blob((foot[0] + 4 * side + 5 * turn, 241), 13, 6.5, SHOES)
        canvas.limb([knee, foot], 18, darker(look.trousers, 0.14), 14)
        canvas.limb([(x + side * 12, y), knee], 25, look.trousers, 22)


def _draw_standing_legs(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.hips
    for side in (-1, 1):
        foot = (x + side * 15, 234)
        canvas.blob((foot[0] + side * 4, 240), 14, 6.5, SHOES)
        canvas.limb([(x + side * 12, y), foot], 25, look.trousers, 16)


def _draw_torso(canvas: Canvas, look: Look, body: Body) -> None:
    (left, left_y), (right, right_y) = body.left_shoulder, body.right_shoulder
    x, y = body.hips
    neck, chin = body.head[0], body.head[1] + HEAD_HEIGHT
    base = (left + right) / 2
    shoulders = bezier((left - 8, left_y + 4), (left - 3, left_y - 12), (base - 9, left_y - 12))
    outline = [
        *shoulders,
        *[(2 * base - px, py) for px, py in shoulders[::-1]],
        (x + 23, y - 16),
        *bezier((x + 27, y + 6), (x, y + 14), (x - 27, y + 6), steps=9),
        (x - 23, y - 16),
    ]
    canvas.shape(outline, look.shirt)
    shaded = [(base + 9, right_y - 12), *outline[16:36], (x + 9, y + 10), (base + 14, right_y + 20)]
    canvas.polygon(shaded, darker(look.shirt, SIDE_SHADE))
    throat = (base, left_y - 7)
    canvas.line([(neck, chin - 8), throat], 14, darker(look.skin, 0.22))
    canvas.ellipse(throat, 10, 6, darker(look.skin, 0.22))


def _draw_head(canvas: Canvas, look: Look, body: Body, pose: Pose, blows: bool) -> None:
    x, y = body.head
    turn = 6.5 * body.facing
    for side in (-1, 1):
        if side * body.facing < 0.3:
            canvas.blob((x + side * (HEAD_WIDTH + 0.5), y + 2), 3.5, 4.5, darker(look.skin, 0.12))
    face = smooth(
        (x - HEAD_WIDTH, y - 3),
        (x - 0.72 * HEAD_WIDTH, y - 0.78 * HEAD_HEIGHT),
        (x, y - HEAD_HEIGHT),
        (x + 0.72 * HEAD_WIDTH, y - 0.78 * HEAD_HEIGHT),
        (x + HEAD_WIDTH, y - 3),
        (x + 0.83 * HEAD_WIDTH, y + 0.55 * HEAD_HEIGHT),
        (x + 0.3 * turn, y + HEAD_HEIGHT),
        (x - 0.83 * HEAD_WIDTH, y + 0.55 * HEAD_HEIGHT),
    )
    canvas.shape(face, look.skin)
    if look.hair_style == "beard":
        _draw_beard(canvas, look, body)
    cheeks = mix(look.skin, BLUSH, 0.3)
    raised = 3.0 * pose.loudness
    for side in (-1, 1):
        eye = x + turn + side * (6.3 - 0.6 * abs(body.facing))
        if look.hair_style != "beard":
            canvas.ellipse((eye + 1.5 * side, y + 6.5), 3.6, 2.7, cheeks)
        canvas.ellipse((eye, y), 2.1, 2.4, EYES)
        brow = [(eye - 2.6, y - 5.4 - raised), (eye + 2.6, y - 5.4 - raised)]
        canvas.line(brow, 2.2, mix(look.hair, EYES, 0.35))
        if look.glasses:
            _draw_lens(canvas, look, (eye, y))
    canvas.line([(x + 1.1 * turn, y + 2.5), (x + 1.4 * turn, y + 4.5)], 3.2, darker(look.skin, 0.2))
    mouth_x, mouth_y = body.mouth
    if blows:
        canvas.ellipse(body.mouth, 4.2, 2.8, LIPS)
    else:
        smile = bezier(
            (mouth_x - 4.2, mouth_y - 0.8), (mouth_x, mouth_y + 3), (mouth_x + 4.2, mouth_y - 0.8)
        )
        canvas.line(smile, 2.6, LIPS)
    _draw_hair(canvas, look, body)


def _draw_lens(canvas: Canvas, look: Look, center: Point) -> None:
    canvas.ellipse(center, 6.7, 6.3, GLASSES)
    canvas.ellipse(center, 4.7, 4.3, lighter(look.skin, 0.12))
    canvas.ellipse(center, 2.0, 2.2, EYES)


def _draw_beard(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.head
    turn = 3.0 * body.facing
    canvas.shape(
        [
            (x - HEAD_WIDTH, y + 1),
            *bezier((x - 11, y + 5), (x + turn, y + 9), (x + 11, y + 5)),
            (x + HEAD_WIDTH, y + 1),
            *bezier((x + 15, y + 12), (x + 11, y + 23), (x + turn, y + 23), steps=8),
            *bezier((x + turn, y + 23), (x - 11, y + 23), (x - 15, y + 12), steps=8),
        ],
        look.hair,
    )


def _draw_hair(canvas: Canvas, look: Look, body: Body) -> None:
    """The hair in front of the head: a crown from ear to ear above a hairline."""
    x, y = body.head
    style = look.hair_style
    if style == "beard":
        return
    shift = 3.0 * body.facing
    if style == "curly":
        for step in range(7):
            angle = math.pi * (1.12 + 0.76 * step / 6)
            center = (x + 14.5 * math.cos(angle), y - 4 + 15.5 * math.sin(angle))
            canvas.ellipse(center, 5.8, 5.8, look.hair)
        return
    crown = [
        (x + 16.8 * math.cos(angle), y - 2 + 19.5 * math.sin(angle))
        for angle in (math.pi * (1 + step / 16) for step in range(17))
    ]
    fringes = {
        "short": [(x + 13, y - 8), (x + shift, y - 12), (x - 13, y - 8)],
        "parted": bezier((x + 14, y - 5), (x + 8, y - 13), (x - 4, y - 10), (x - 10, y - 15)),
        "long": bezier((x + 14, y + 2), (x + 11, y - 12), (x + shift, y - 15)),
        "bob": bezier((x + 14, y - 7), (x + shift, y - 9), (x - 14, y - 7)),
        "bun": bezier((x + 14, y - 7), (x + shift, y - 17), (x - 14, y - 7)),
    }
    fringe = list(fringes[style])
    if style == "long":
        fringe += bezier((x + shift, y - 15), (x - 11, y - 12), (x - 14, y + 2))
    canvas.polygon([*crown, *fringe], look.hair)
    shine = lighter(look.hair, 0.16)
    glow = bezier((x - 12, y - 12), (x - 9, y - 17), (x - 3, y - 19))
    if style == "parted":
        canvas.ellipse((x + 2, y - 17.5), 13, 7, look.hair, -8)
        glow = bezier((x - 7, y - 18), (x - 2, y - 22), (x + 5, y - 21))
    if style == "bun":
        canvas.blob((x, y - 24), 9, 8, look.hair)
    canvas.line(glow, 3.4, shine)


def _draw_hair_behind(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.head
    if look.hair_style == "curly":
        for step in range(9):
            angle = math.pi * (0.9 + 1.2 * step / 8)
            center = (x + 17 * math.cos(angle), y - 3 + 17 * math.sin(angle))
            canvas.blob(center, 8.5, 8.5, look.hair)
    elif look.hair_style == "long":
        back = smooth(
            (x, y - 21), (x + 18, y - 6), (x + 21, y + 28), (x, y + 40), (x - 21, y + 28),
            (x - 18, y - 6),
        )  # fmt: skip
        canvas.shape(back, darker(look.hair, 0.12))
    elif look.hair_style == "bob":
        back = smooth(
            (x, y - 21), (x + 18, y - 8), (x + 20, y + 14), (x, y + 19), (x - 20, y + 14),
            (x - 18, y - 8),
        )  # fmt: skip
        canvas.shape(back, darker(look.hair, 0.12))
