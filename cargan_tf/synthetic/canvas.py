"""Drawing primitives with antialiasing: flat shapes on a canvas of several times the resolution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Point = tuple[float, float]


Color = tuple[int, int, int]
#: Units of the drawing plane a side, and pixels of an image unless asked otherwise (Sec. 3 of the
#: paper: 256×256).
SIDE = 256
#: Drawn so many times finer, then averaged, so that edges are smooth.
SUPERSAMPLING = 4
BLACK: Color = (34, 30, 36)
WHITE: Color = (255, 255, 255)
#: How far the outline of a shape reaches beyond it.
OUTLINE = 1.5
#: Black in an outline and in the side of a shape that is turned away from the light.
OUTLINE_SHADE, SIDE_SHADE = 0.5, 0.2


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

    def path(self, *places: Point) -> list[Point]:
        """The points at several ``(along, across)``."""
        return [self.at(along, across) for along, across in places]


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


def smooth(*knots: Point, steps: int = 8) -> list[Point]:
    """A closed curve through ``knots`` (Catmull and Rom), ``steps`` points to each next knot."""
    points = np.array(knots, float)
    before, after, second = (np.roll(points, shift, 0) for shift in (1, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (each[:, None] for each in (before, points, after, second))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return [(float(x), float(y)) for x, y in curve.reshape(-1, 2)]


def ring(center: Point, rx: float, ry: float, degrees: float = 0.0, steps: int = 40) -> list[Point]:
    """The outline of an ellipse whose first axis is turned by ``degrees``."""
    axis = Axis(center, degrees)
    angles = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    return [axis.at(rx * math.cos(angle), ry * math.sin(angle)) for angle in angles]


def between(start: Point, end: Point, fraction: float) -> Point:
    """The point at ``fraction`` (0 to 1) of the way from ``start`` to ``end``."""
    return (start[0] + (end[0] - start[0]) * fraction, start[1] + (end[1] - start[1]) * fraction)


def elbow(shoulder: Point, hand: Point, half_arm: float, outward: float) -> Point:
    """Where an arm of two parts of ``half_arm`` bends: downwards and outwards, as arms hang.

    ``outward`` is -1 for an arm whose outer side is on the left, 1 for one on the right. Where
    the hand lies right in that direction the arm is straight, so that no elbow ever jumps.
    """
    distance = max(math.dist(shoulder, hand), 1e-6)
    part = max(half_arm, 0.52 * distance)
    height = math.sqrt(part * part - distance * distance / 4)
    across_x, across_y = (shoulder[1] - hand[1]) / distance, (hand[0] - shoulder[0]) / distance
    side = min(max(2.5 * (across_y + 0.6 * outward * across_x), -1.0), 1.0)
    x, y = between(shoulder, hand, 0.5)
    return (x + side * height * across_x, y + side * height * across_y)


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
    center: Point = (128.0, 244.0)
    shift: Point = (0.0, 0.0)


class Canvas:
    """An image to draw on in the units of the drawing plane; the view places it on the image."""

    def __init__(self, background: Image.Image, view: View | None = None) -> None:
        """Start from a copy of ``background``, RGB, ``SUPERSAMPLING`` times as fine as the image.

        ``SIDE`` units of the drawing plane are as wide as the background.
        """
        self._image = background.copy()
        self._draw = ImageDraw.Draw(self._image)
        self._view = view or View()
        self._fineness = background.width / SIDE

    def finished(self) -> Image.Image:
        """The image, a ``SUPERSAMPLING``-th of the background a side."""
        return self._image.reduce(SUPERSAMPLING)

    def image(self) -> Image.Image:
        """The fine image as it is, as large as the background."""
        return self._image

    def polygon(self, points: Sequence[Point], fill: Color) -> None:
        """A filled polygon."""
        self._draw.polygon(self._position(points), fill=fill)

    def ellipse(
        self, center: Point, rx: float, ry: float, fill: Color, degrees: float = 0.0
    ) -> None:
        """A filled ellipse, its first axis turned by ``degrees``."""
        self.polygon(ring(center, rx, ry, degrees), fill)

    def line(
        self, points: Sequence[Point], width: float, fill: Color, end_width: float | None = None
    ) -> None:
        """A line through ``points`` with round joints and ends, tapered to ``end_width``."""
        positions = np.array(self._position(points))
        last = width if end_width is None else end_width
        radii = np.linspace(width, last, len(positions)) * self._scale / 2
        for (x, y), radius in zip(positions, radii, strict=True):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
        steps = np.diff(positions, axis=0)
        lengths = np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-6)
        across = np.stack([-steps[:, 1], steps[:, 0]], 1) / lengths[:, None]
        for start, end, side, wide, narrow in zip(
            positions[:-1], positions[1:], across, radii[:-1], radii[1:], strict=True
        ):
            corners = (
                start + wide * side,
                end + narrow * side,
                end - narrow * side,
                start - wide * side,
            )
            self._draw.polygon([tuple(corner) for corner in corners], fill=fill)

    def shape(self, points: Sequence[Point], fill: Color) -> None:
        """A polygon with a dark outline."""
        self.line([*points, points[0]], 2 * OUTLINE, darker(fill, OUTLINE_SHADE))
        self.polygon(points, fill)

    def blob(self, center: Point, rx: float, ry: float, fill: Color, degrees: float = 0.0) -> None:
        """A filled ellipse with a dark outline."""
        outline = darker(fill, OUTLINE_SHADE)
        self.ellipse(center, rx + OUTLINE, ry + OUTLINE, outline, degrees)
        self.ellipse(center, rx, ry, fill, degrees)

    def limb(
        self, points: Sequence[Point], width: float, fill: Color, end_width: float | None = None
    ) -> None:
        """A line with a dark outline and its lower right side in the shade."""
        last = width if end_width is None else end_width
        self.line(points, width + 2 * OUTLINE, darker(fill, OUTLINE_SHADE), last + 2 * OUTLINE)
        self.line(points, width, darker(fill, SIDE_SHADE), last)
        lit = [(x - 0.09 * width, y - 0.09 * width) for x, y in points]
        self.line(lit, 0.76 * width, fill, 0.76 * last)

    def tube(
        self, points: Sequence[Point], width: float, fill: Color, end_width: float | None = None
    ) -> None:
        """A round polished tube: a limb with a light line on the side that faces up."""
        last = width if end_width is None else end_width
        self.limb(points, width, fill, end_width)
        lit = [(x - 0.16 * width, y - 0.16 * width) for x, y in points]
        self.line(lit, 0.3 * width, mix(fill, WHITE, 0.5), 0.3 * last)

    @property
    def _scale(self) -> float:
        return self._view.magnification * self._fineness

    def _position(self, points: Sequence[Point]) -> list[Point]:
        center_x, center_y = self._view.center
        left = center_x + self._view.shift[0]
        top = center_y + self._view.shift[1]
        magnified = self._view.magnification
        return [
            (
                ((x - center_x) * magnified + left) * self._fineness,
                ((y - center_y) * magnified + top) * self._fineness,
            )
            for x, y in points
        ]
