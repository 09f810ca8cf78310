"""Drawing primitives with antialiasing: shapes on a canvas of twice the resolution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Point = tuple[float, float]


Color = tuple[int, int, int]
#: Pixels a side of a finished image (Sec. 3 of the paper: 256×256).
SIDE = 256
#: Drawn so many times finer, then averaged, so that edges are smooth.
SUPERSAMPLING = 2
BLACK: Color = (26, 24, 28)
WHITE: Color = (255, 255, 255)
#: How far the outline of a shape reaches beyond it.
OUTLINE = 0.8


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
    fraction = np.linspace(0, 1, steps)[:, None]
    layers = [np.broadcast_to(np.array(point, float), (steps, 2)) for point in controls]
    while len(layers) > 1:
        layers = [
            (1 - fraction) * before + fraction * after
            for before, after in itertools.pairwise(layers)
        ]
    return [(float(x), float(y)) for x, y in layers[0]]


def ring(center: Point, rx: float, ry: float, degrees: float = 0.0, steps: int = 40) -> list[Point]:
    """The outline of an ellipse whose first axis is turned by ``degrees``."""
    axis = Axis(center, degrees)
    angles = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    return [axis.at(rx * math.cos(angle), ry * math.sin(angle)) for angle in angles]


def between(start: Point, end: Point, fraction: float) -> Point:
    """The point at ``fraction`` (0 to 1) of the way from ``start`` to ``end``."""
    return (start[0] + (end[0] - start[0]) * fraction, start[1] + (end[1] - start[1]) * fraction)


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


def mix(one: Color, other: Color, fraction: float) -> Color:
    """``one`` with ``fraction`` (0 to 1) of ``other`` in it."""
    red, green, blue = (round(a + (b - a) * fraction) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def darker(color: Color, fraction: float = 0.4) -> Color:
    """``color`` with ``fraction`` of black in it."""
    return mix(color, (0, 0, 0), fraction)


def lighter(color: Color, fraction: float = 0.4) -> Color:
    """``color`` with ``fraction`` of white in it."""
    return mix(color, WHITE, fraction)


@dataclass(frozen=True)
class View:
    """How the drawing plane lies on the image: magnified about ``center``, then moved."""

    magnification: float = 1.0
    center: Point = (128.0, 150.0)
    shift: Point = (0.0, 0.0)


class Canvas:
    """An image to draw on in the units of the drawing plane; the view places it on the image."""

    def __init__(self, background: Image.Image, view: View | None = None) -> None:
        """Start from a copy of ``background``, ``SIDE * SUPERSAMPLING`` pixels a side, RGB."""
        self._image = background.copy()
        self._draw = ImageDraw.Draw(self._image)
        self._view = view or View()

    def finished(self) -> Image.Image:
        """The image, ``SIDE`` pixels a side."""
        return self._image.reduce(SUPERSAMPLING)

    def image(self) -> Image.Image:
        """The fine image as it is, ``SIDE * SUPERSAMPLING`` pixels a side."""
        return self._image

    def polygon(self, points: Sequence[Point], fill: Color) -> None:
        """A filled polygon."""
        self._draw.polygon(self._position(points), fill=fill)

    def ellipse(
        self, center: Point, rx: float, ry: float, fill: Color, degrees: float = 0.0
    ) -> None:
        """A filled ellipse, its first axis turned by ``degrees``."""
        self.polygon(ring(center, rx, ry, degrees), fill)

    def blob(self, center: Point, rx: float, ry: float, fill: Color, degrees: float = 0.0) -> None:
        """A filled ellipse with a dark outline."""
        self.ellipse(center, rx + OUTLINE, ry + OUTLINE, darker(fill, 0.45), degrees)
        self.ellipse(center, rx, ry, fill, degrees)

    def line(self, points: Sequence[Point], width: float, fill: Color) -> None:
        """A line through ``points`` with round joints and ends."""
        positions = self._position(points)
        pixels = max(1, round(width * self._scale))
        self._draw.line(positions, fill=fill, width=pixels, joint="curve")
        radius = pixels / 2
        for x, y in (positions[0], positions[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def limb(self, points: Sequence[Point], width: float, fill: Color) -> None:
        """A line with a dark outline."""
        self.line(points, width + 2 * OUTLINE, darker(fill, 0.45))
        self.line(points, width, fill)

    def tube(
        self, points: Sequence[Point], width: float, fill: Color, shine: Color = WHITE
    ) -> None:
        """A round tube: outline, body and a light line on the side that faces up."""
        self.line(points, width + 2 * OUTLINE, darker(fill, 0.6))
        self.line(points, width, fill)
        rise = -0.2 * width
        lit = [(x + rise * 0.4, y + rise) for x, y in points]
        self.line(lit, 0.3 * width, mix(fill, shine, 0.55))

    @property
    def _scale(self) -> float:
        return self._view.magnification * SUPERSAMPLING

    def _position(self, points: Sequence[Point]) -> list[Point]:
        centre_x, centre_y = self._view.center
        left = centre_x + self._view.shift[0]
        top = centre_y + self._view.shift[1]
        magnified = self._view.magnification
        return [
            (
                ((x - centre_x) * magnified + left) * SUPERSAMPLING,
                ((y - centre_y) * magnified + top) * SUPERSAMPLING,
            )
            for x, y in points
        ]
