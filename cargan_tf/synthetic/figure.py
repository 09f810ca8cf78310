"""The player without the instrument: seat, legs, body, head and arms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cargan_tf.synthetic.canvas import BLACK, Canvas, Color, Point, between, darker, elbow, lighter
from cargan_tf.synthetic.timbre import PLAYERS, generator

#: Far apart from one another and from the blue curtain; an instrument's players get three of them.
#: No yellow and no black, before which brass and woodwind would not be seen.
SHIRTS: tuple[Color, ...] = (
    (204, 34, 40),
    (240, 238, 228),
    (24, 136, 60),
    (232, 112, 184),
    (64, 200, 206),
    (122, 120, 130),
)
TROUSERS: tuple[Color, ...] = ((44, 44, 54), (96, 78, 60), (128, 130, 136), (70, 34, 40))
SKINS: tuple[Color, ...] = (
    (242, 205, 178),
    (216, 166, 126),
    (186, 128, 90),
    (140, 90, 60),
    (98, 64, 46),
)
HAIRS: tuple[Color, ...] = (
    (30, 22, 18),
    (92, 52, 26),
    (150, 70, 30),
    (212, 172, 98),
    (168, 168, 172),
)
HAIR_STYLES = ("short", "long", "bun", "curly", "bald")

#: Hue of the curtain, 0 to 1: the blue of Sub-URMP's stage.
CURTAIN_HUE = 0.635
#: Waves whose sum makes the curtain's folds.
FOLDS = 6


CHAIR = (40, 40, 46)
LIPS = (160, 62, 62)
#: Pixels of the drawing plane by which the head moves from the softest to the loudest clip
#: (sideways, the body leans) and from the lowest to the highest note (upwards).
LEAN = 18.0
RISE = 12.0


@dataclass(frozen=True)
class Look:
    """What stays the same in all images of one player.

    Attributes:
        shirt, trousers, skin, hair: colors.
        hair_style: one of ``HAIR_STYLES``.
        glasses: whether the player wears them.
        magnification: size of the player in the image.
        shift: pixels by which the player sits off the middle, right and down.
        tint: of wood and metal, -1 (dark) to 1 (light).
        curtain_hue, curtain_value: of the backdrop, 0 to 1.
        folds: phases of the curtain's waves.
        stand: where the music stand is.
    """

    shirt: Color
    trousers: Color
    skin: Color
    hair: Color
    hair_style: str
    glasses: bool
    magnification: float
    shift: tuple[float, float]
    tint: float
    curtain_hue: float
    curtain_value: float
    folds: tuple[float, ...]
    stand: tuple[float, float]


def player_looks(label: str, seed: int) -> tuple[Look, Look, Look]:
    """The looks of the three players of an instrument; no color or hair style occurs twice."""
    random = generator(seed, label, "looks")
    shirts = random.permutation(len(SHIRTS))
    trousers = random.permutation(len(TROUSERS))
    skins = random.permutation(len(SKINS))
    hairs = random.permutation(len(HAIRS))
    styles = random.permutation(len(HAIR_STYLES))
    values = random.permutation(np.linspace(0.6, 0.88, PLAYERS))
    tints = random.permutation(np.linspace(-0.8, 0.8, PLAYERS))
    spectacled = int(random.integers(PLAYERS))
    first, second, third = (
        Look(
            shirt=_varied(SHIRTS[shirts[player]], random),
            trousers=TROUSERS[trousers[player]],
            skin=SKINS[skins[player]],
            hair=HAIRS[hairs[player]],
            hair_style=HAIR_STYLES[styles[player]],
            glasses=player == spectacled,
            magnification=float(random.uniform(0.97, 1.04)),
            shift=(float(random.uniform(-6, 6)), float(random.uniform(-3, 3))),
            tint=float(tints[player]),
            curtain_hue=float(CURTAIN_HUE + random.uniform(-0.02, 0.02)),
            curtain_value=float(values[player]),
            folds=tuple(float(phase) for phase in random.uniform(0, 2 * np.pi, FOLDS)),
            stand=(float(random.uniform(214, 230)), float(random.uniform(176, 200))),
        )
        for player in range(PLAYERS)
    )
    return first, second, third


def _varied(color: Color, random: np.random.Generator) -> Color:
    red, green, blue = (int(part) for part in np.clip(color + random.integers(-10, 11, 3), 0, 255))
    return (red, green, blue)


@dataclass(frozen=True)
class Pose:
    """What the sound does to the player: both from 0 (lowest, softest) to 1 (highest, loudest)."""

    pitch: float
    loudness: float


@dataclass(frozen=True)
class Body:
    """Where the parts of a player are; left and right are the viewer's."""

    head: Point
    mouth: Point
    left_shoulder: Point
    right_shoulder: Point
    hips: Point
    standing: bool


def body_in(pose: Pose, middle: float = 128.0, standing: bool = False) -> Body:
    """The body of a player who sits (or stands) at ``middle`` and moves with ``pose``."""
    lean = LEAN * (pose.loudness - 0.5)
    rise = RISE * (pose.pitch - 0.5)
    x = middle + lean
    y = (50.0 if standing else 76.0) - rise
    shoulder_y = y + 37 + 0.4 * rise
    return Body(
        head=(x, y),
        mouth=(x, y + 10.5),
        left_shoulder=(x - 25 - 0.1 * lean, shoulder_y),
        right_shoulder=(x + 25 - 0.1 * lean, shoulder_y),
        hips=(middle - 0.3 * lean, 162.0 if standing else 176.0),
        standing=standing,
    )


def draw_body(canvas: Canvas, look: Look, body: Body, pose: Pose, knees: float = 22.0) -> None:
    """All but the arms; seated players' knees are ``knees`` from the middle."""
    if body.standing:
        _draw_standing_legs(canvas, look, body)
    else:
        _draw_seat(canvas, body)
        _draw_seated_legs(canvas, look, body, knees)
    if look.hair_style == "long":
        _draw_long_hair_behind(canvas, look, body)
    _draw_torso(canvas, look, body)
    _draw_head(canvas, look, body, pose)


def draw_left_arm(canvas: Canvas, look: Look, body: Body, hand: Point) -> None:
    """The arm on the viewer's left, with its hand."""
    _draw_arm(canvas, look, body.left_shoulder, hand)


def draw_right_arm(canvas: Canvas, look: Look, body: Body, hand: Point) -> None:
    """The arm on the viewer's right, with its hand."""
    _draw_arm(canvas, look, body.right_shoulder, hand)


def draw_hand(canvas: Canvas, look: Look, hand: Point) -> None:
    """A hand alone, where an instrument drawn over the arm would hide it."""
    canvas.blob(hand, 5.2, 4.6, look.skin)


def _draw_arm(canvas: Canvas, look: Look, shoulder: Point, hand: Point) -> None:
    bend = elbow(shoulder, hand, half_arm=34)
    wrist = between(bend, hand, 0.62)
    canvas.limb([bend, hand], 8.5, look.skin)
    canvas.limb([shoulder, bend, wrist], 12.5, look.shirt)
    canvas.line([shoulder, bend], 3.5, lighter(look.shirt, 0.16))
    draw_hand(canvas, look, hand)


def _draw_seat(canvas: Canvas, body: Body) -> None:
    x, y = body.hips
    canvas.polygon([(x - 34, y), (x + 34, y), (x + 36, y + 9), (x - 36, y + 9)], CHAIR)
    for side in (-1, 1):
        canvas.line([(x + side * 30, y + 8), (x + side * 32, 250)], 3, CHAIR)


def _draw_seated_legs(canvas: Canvas, look: Look, body: Body, knees: float) -> None:
    x, y = body.hips
    for side in (-1, 1):
        knee = (x + side * knees, y + 24)
        foot = (x + side * (knees - 1), 244)
        canvas.limb([knee, foot], 13, darker(look.trousers, 0.15))
        canvas.limb([(x + side * 12, y), knee], 19, look.trousers)
        canvas.ellipse((foot[0] + side * 3, 247), 11, 5, BLACK)


def _draw_standing_legs(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.hips
    for side in (-1, 1):
        foot = (x + side * 13, 243)
        canvas.limb([(x + side * 9, y), foot], 16, look.trousers)
        canvas.ellipse((foot[0] + side * 2, 248), 10, 5, BLACK)


def _draw_torso(canvas: Canvas, look: Look, body: Body) -> None:
    (left, left_y), (right, right_y) = body.left_shoulder, body.right_shoulder
    x, y = body.hips
    neck = body.head[0]
    outline = [
        (left - 3, left_y),
        (left + 5, left_y - 9),
        (right - 5, right_y - 9),
        (right + 3, right_y),
        (x + 22, y + 6),
        (x - 22, y + 6),
    ]
    canvas.line([*outline, outline[0]], 3.0, darker(look.shirt, 0.5))
    canvas.polygon(outline, look.shirt)
    shaded = [(neck + 5, right_y - 9), outline[2], outline[3], outline[4], (x + 8, y + 6)]
    canvas.polygon(shaded, darker(look.shirt, 0.15))
    canvas.line([(neck, body.head[1] + 10), (neck, right_y - 6)], 12, darker(look.skin, 0.15))


def _draw_head(canvas: Canvas, look: Look, body: Body, pose: Pose) -> None:
    x, y = body.head
    if look.hair_style == "curly":
        canvas.blob((x, y - 7), 21, 19, look.hair)
    canvas.blob(body.head, 14.7, 18.7, look.skin)
    _draw_hair(canvas, look, body)
    raised = 2.5 * pose.loudness
    for side in (-1, 1):
        eye = x + side * 5.5
        canvas.ellipse((eye, y - 1), 1.7, 1.5, BLACK)
        brow = [(x + side * 3.2, y - 4.5 - raised), (x + side * 8.4, y - 5.2 - 0.4 * raised)]
        canvas.line(brow, 1.3, darker(look.hair, 0.3))
        if look.glasses:
            rim = [(eye - 4, y - 4), (eye + 4, y - 4), (eye + 4, y + 3), (eye - 4, y + 3)]
            canvas.line([*rim, rim[0]], 1.0, BLACK)
    canvas.line([(x, y), (x - 1, y + 5)], 1.1, darker(look.skin, 0.3))
    mouth_x, mouth_y = body.mouth
    canvas.line([(mouth_x - 3.4, mouth_y), (mouth_x + 3.4, mouth_y)], 1.6, LIPS)


def _draw_hair(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.head
    if look.hair_style == "bald":
        beard = [(x - 13.5, y + 5), (x - 6, y + 7), (x + 6, y + 7), (x + 13.5, y + 5)]
        canvas.polygon([*beard, (x + 7, y + 18), (x - 7, y + 18)], look.hair)
        return
    angles = [math.pi * (1 + step / 20) for step in range(21)]
    crown = [(x + 15.5 * math.cos(angle), y - 3 + 18.5 * math.sin(angle)) for angle in angles]
    fringe = [(x + 11, y - 8), (x - 2, y - 11), (x - 12, y - 7)]
    canvas.polygon(crown + fringe, look.hair)
    if look.hair_style == "bun":
        canvas.blob((x, y - 23), 8.5, 7, look.hair)
    if look.hair_style == "long":
        for side in (-1, 1):
            canvas.line([(x + side * 14.5, y - 6), (x + side * 16.5, y + 22)], 5, look.hair)


def _draw_long_hair_behind(canvas: Canvas, look: Look, body: Body) -> None:
    x, y = body.head
    canvas.ellipse((x, y + 2), 19, 23, look.hair)
    for side in (-1, 1):
        canvas.line([(x + side * 12, y + 4), (x + side * 14, y + 36)], 10, look.hair)
