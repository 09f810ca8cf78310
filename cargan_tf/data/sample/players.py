"""How each player looks: chosen so that the three of an instrument are easily told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cargan_tf.data.sample.canvas import Colour
from cargan_tf.data.sample.seeds import generator
from cargan_tf.data.sample.signature import PLAYERS

#: Far apart from one another and from the blue curtain; an instrument's players get three of them.
#: No yellow and no black, before which brass and woodwind would not be seen.
SHIRTS: tuple[Colour, ...] = (
    (204, 34, 40),
    (240, 238, 228),
    (24, 136, 60),
    (232, 112, 184),
    (64, 200, 206),
    (122, 120, 130),
)
TROUSERS: tuple[Colour, ...] = ((44, 44, 54), (96, 78, 60), (128, 130, 136), (70, 34, 40))
SKINS: tuple[Colour, ...] = (
    (242, 205, 178),
    (216, 166, 126),
    (186, 128, 90),
    (140, 90, 60),
    (98, 64, 46),
)
HAIRS: tuple[Colour, ...] = (
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


@dataclass(frozen=True)
class Look:
    """What stays the same in all pictures of one player.

    Attributes:
        shirt, trousers, skin, hair: colours.
        hair_style: one of ``HAIR_STYLES``.
        glasses: whether the player wears them.
        magnification: size of the player in the picture.
        shift: pixels by which the player sits off the middle, right and down.
        tint: of wood and metal, -1 (dark) to 1 (light).
        curtain_hue, curtain_value: of the backdrop, 0 to 1.
        folds: phases of the curtain's waves.
        stand: where the music stand is.
    """

    shirt: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    hair_style: str
    glasses: bool
    magnification: float
    shift: tuple[float, float]
    tint: float
    curtain_hue: float
    curtain_value: float
    folds: tuple[float, ...]
    stand: tuple[float, float]


def looks(label: str, seed: int) -> tuple[Look, Look, Look]:
    """The looks of the three players of an instrument; no colour or hair style occurs twice."""
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


def _varied(colour: Colour, random: np.random.Generator) -> Colour:
    red, green, blue = (int(part) for part in np.clip(colour + random.integers(-10, 11, 3), 0, 255))
    return (red, green, blue)
