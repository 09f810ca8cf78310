"""Points of the drawing plane: x to the right, y downwards, in the units of a 256-pixel picture."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """Coordinates along a straight instrument.

    They run from ``origin`` at ``degrees``, where 0 is to the right and 90 is down.
    """

    origin: Point
    degrees: float

    def at(self, along: float, across: float = 0.0) -> Point:
        """The point ``along`` the axis from its origin and ``across`` it, clockwise."""
        turn = math.radians(self.degrees)
        cosine, sine = math.cos(turn), math.sin(turn)
        x, y = self.origin
        return (x + along * cosine - across * sine, y + along * sine + across * cosine)


def bezier(*controls: Point, steps: int = 16) -> list[Point]:
    """The Bézier curve of any number of control points, as ``steps`` points of a line."""
    share = np.linspace(0, 1, steps)[:, None]
    layers = [np.broadcast_to(np.array(point, float), (steps, 2)) for point in controls]
    while len(layers) > 1:
        layers = [
            (1 - share) * before + share * after for before, after in itertools.pairwise(layers)
        ]
    return [(float(x), float(y)) for x, y in layers[0]]


def ring(centre: Point, rx: float, ry: float, degrees: float = 0.0, steps: int = 40) -> list[Point]:
    """The outline of an ellipse whose first axis is turned by ``degrees``."""
    axis = Axis(centre, degrees)
    angles = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    return [axis.at(rx * math.cos(angle), ry * math.sin(angle)) for angle in angles]


def between(start: Point, end: Point, share: float) -> Point:
    """The point at ``share`` (0 to 1) of the way from ``start`` to ``end``."""
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def elbow(shoulder: Point, hand: Point, half_arm: float) -> Point:
    """Where an arm of two parts of ``half_arm`` bends: the lower of both ways, as arms hang."""
    distance = math.dist(shoulder, hand)
    part = max(half_arm, 0.54 * distance)
    height = math.sqrt(part * part - distance * distance / 4)
    middle = between(shoulder, hand, 0.5)
    across_x = -(hand[1] - shoulder[1]) / max(distance, 1e-6)
    across_y = (hand[0] - shoulder[0]) / max(distance, 1e-6)
    one = (middle[0] + height * across_x, middle[1] + height * across_y)
    other = (middle[0] - height * across_x, middle[1] - height * across_y)
    return one if one[1] >= other[1] else other
