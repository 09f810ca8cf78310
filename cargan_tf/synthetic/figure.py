"""Who plays and how: the looks of the players, their poses and where the parts of a body are."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np

from cargan_tf.synthetic.canvas import Color, Point
from cargan_tf.synthetic.timbre import PLAYERS, generator

#: No yellow and no black, before which brass and woodwind would not be seen.
SHIRTS: tuple[Color, ...] = (
    (222, 62, 74),
    (246, 242, 234),
    (40, 158, 98),
    (246, 152, 190),
    (70, 196, 206),
    (134, 74, 204),
    (60, 112, 214),
    (152, 158, 172),
)
TROUSERS: tuple[Color, ...] = (
    (52, 56, 78),
    (92, 74, 66),
    (104, 110, 122),
    (84, 42, 58),
    (44, 78, 84),
    (62, 52, 84),
)
SKINS: tuple[Color, ...] = (
    (250, 216, 190),
    (236, 188, 150),
    (214, 160, 118),
    (184, 126, 86),
    (148, 96, 64),
    (108, 70, 50),
)
HAIRS: tuple[Color, ...] = (
    (40, 32, 34),
    (98, 58, 36),
    (176, 84, 38),
    (226, 184, 104),
    (178, 180, 188),
    (66, 48, 80),
)
HAIR_STYLES = ("short", "parted", "long", "bob", "bun", "curly", "beard")


@dataclass(frozen=True)
class Stage:
    """What is behind a player.

    Attributes:
        kind: ``curtain``, ``hall`` or ``studio``.
        wall, floor: colors.
    """

    kind: str
    wall: Color
    floor: Color


STAGES: tuple[Stage, ...] = (
    Stage("curtain", (54, 96, 172), (66, 56, 66)),
    Stage("curtain", (142, 48, 68), (74, 54, 52)),
    Stage("curtain", (34, 118, 118), (62, 60, 62)),
    Stage("hall", (238, 202, 164), (158, 104, 72)),
    Stage("hall", (112, 74, 76), (72, 52, 54)),
    Stage("hall", (118, 146, 150), (112, 84, 70)),
    Stage("hall", (82, 92, 126), (64, 58, 70)),
    Stage("studio", (196, 214, 232), (148, 166, 188)),
    Stage("studio", (158, 206, 188), (112, 160, 146)),
    Stage("studio", (206, 192, 232), (152, 138, 184)),
    Stage("studio", (226, 132, 122), (168, 92, 90)),
    Stage("studio", (104, 116, 176), (76, 82, 130)),
)
STAGE_KINDS = tuple(dict.fromkeys(stage.kind for stage in STAGES))
#: Where the stage's light falls on the wall, from the image's left (0) to its right (1).
LIGHTS = (0.2, 0.5, 0.8)

#: What the eye takes for the color of each instrument; stage and shirt must be far from it.
MATERIALS: dict[str, Color] = {
    "bassoon": (128, 40, 32),
    "cello": (198, 96, 40),
    "clarinet": (40, 38, 46),
    "double_bass": (120, 64, 36),
    "flute": (222, 228, 236),
    "horn": (236, 182, 66),
    "oboe": (96, 50, 30),
    "sax": (236, 182, 66),
    "trombone": (236, 182, 66),
    "trumpet": (236, 182, 66),
    "tuba": (236, 182, 66),
    "viola": (112, 48, 28),
    "violin": (210, 112, 44),
}
#: Least distances in RGB, of 442, of a stage and of a shirt from the instrument.
STAGE_CONTRAST, SHIRT_CONTRAST = 80.0, 108.0
#: Least distance in RGB of the hair from the skin.
HAIR_CONTRAST = 60.0

#: Units of the drawing plane by which the head moves from the softest to the loudest clip
#: (sideways, the body leans) and from the lowest to the highest note (upwards).
LEAN = 18.0
RISE = 16.0
#: Half the width and half the height of a head.
HEAD_WIDTH, HEAD_HEIGHT = 15.0, 18.5


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
        stage: what is behind the player.
        light: where on the wall the light falls, 0 (left) to 1 (right).
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
    stage: Stage
    light: float


@functools.cache
def player_looks(label: str, seed: int) -> tuple[Look, ...]:
    """The looks of the ``PLAYERS`` players of an instrument; no color or hair style occurs twice.

    Every kind of stage and every light is among them, and all stages differ.
    """
    random = generator(seed, label, "looks")
    stages, shirts = _stages_and_shirts(label, random)
    trousers = random.permutation(len(TROUSERS))
    skins = [SKINS[number] for number in random.permutation(len(SKINS))]
    hairs = _hairs(skins[:PLAYERS], random)
    styles = random.permutation(len(HAIR_STYLES))
    lights = random.permutation(np.resize(LIGHTS, PLAYERS))
    tints = random.permutation(np.linspace(-0.8, 0.8, PLAYERS))
    spectacled = random.permutation(PLAYERS)[: PLAYERS // 3]
    return tuple(
        Look(
            shirt=shirts[player],
            trousers=TROUSERS[trousers[player]],
            skin=skins[player],
            hair=hairs[player],
            hair_style=HAIR_STYLES[styles[player]],
            glasses=player in spectacled,
            magnification=float(random.uniform(0.97, 1.02)),
            shift=(float(random.uniform(-5, 5)), float(random.uniform(-2, 2))),
            tint=float(tints[player]),
            stage=stages[player],
            light=float(lights[player]),
        )
        for player in range(PLAYERS)
    )


def _hairs(skins: list[Color], random: np.random.Generator) -> list[Color]:
    """A color of the hair for each skin, on which it is seen."""
    while True:
        hairs = [HAIRS[number] for number in random.permutation(len(HAIRS))][: len(skins)]
        if min(map(math.dist, hairs, skins)) > HAIR_CONTRAST:
            return hairs


def _stages_and_shirts(
    label: str, random: np.random.Generator
) -> tuple[list[Stage], tuple[Color, ...]]:
    """A stage and a shirt for each player, before which the instrument and each other are seen."""
    material = MATERIALS[label]
    usable = [stage for stage in STAGES if math.dist(stage.wall, material) > STAGE_CONTRAST]
    stages: list[Stage] = []
    for kind in STAGE_KINDS:
        of_kind = [stage for stage in usable if stage.kind == kind]
        chosen = random.permutation(len(of_kind))[: PLAYERS // len(STAGE_KINDS)]
        stages += [of_kind[number] for number in chosen]
    stages = [stages[number] for number in random.permutation(len(stages))]
    shirts = [SHIRTS[number] for number in random.permutation(len(SHIRTS))]
    shirts = [shirt for shirt in shirts if math.dist(shirt, material) > SHIRT_CONTRAST]
    # Of all ways to dress the players the one whose worst pair of stage and shirt is best.
    return stages, max(
        itertools.permutations(shirts, PLAYERS),
        key=lambda worn: min(
            math.dist(shirt, stage.wall) for shirt, stage in zip(worn, stages, strict=True)
        ),
    )


@dataclass(frozen=True)
class Pose:
    """What the sound does to the player: both from 0 (lowest, softest) to 1 (highest, loudest)."""

    pitch: float
    loudness: float


@dataclass(frozen=True)
class Body:
    """Where the parts of a player are; left and right are the viewer's.

    ``facing`` is where the head is turned: -1 (to the left) to 1 (to the right).
    """

    head: Point
    facing: float
    mouth: Point
    left_shoulder: Point
    right_shoulder: Point
    hips: Point
    standing: bool


def body_in(pose: Pose, middle: float = 128.0, standing: bool = False, facing: float = 0.0) -> Body:
    """The body of a player who sits (or stands) at ``middle`` and moves with ``pose``."""
    lean = LEAN * (pose.loudness - 0.5)
    rise = RISE * (pose.pitch - 0.5)
    x = middle + lean
    y = (16.0 if standing else 60.0) - rise
    shoulder_x, shoulder_y = middle + 0.75 * lean, y + 37 + 0.35 * rise
    return Body(
        head=(x, y),
        facing=facing,
        mouth=(x + 9 * facing, y + 10.5),
        left_shoulder=(shoulder_x - 27, shoulder_y),
        right_shoulder=(shoulder_x + 27, shoulder_y),
        hips=(middle - 0.1 * lean, 132.0 if standing else 170.0),
        standing=standing,
    )
