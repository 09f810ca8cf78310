"""Drawing primitives on a picture that is twice as fine as the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from cargan_tf.data.sample.geometry import Point, ring

Colour = tuple[int, int, int]

#: Pixels a side of a finished picture (Sec. 3 of the paper: 256×256).
SIDE = 256
#: Drawn so many times finer, then averaged, so that edges are smooth.
SUPERSAMPLING = 2

BLACK: Colour = (26, 24, 28)
WHITE: Colour = (255, 255, 255)

#: How far the outline of a shape reaches beyond it.
OUTLINE = 0.8


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` (0 to 1) of ``other`` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def darker(colour: Colour, share: float = 0.4) -> Colour:
    """``colour`` with ``share`` of black in it."""
    return mix(colour, (0, 0, 0), share)


def lighter(colour: Colour, share: float = 0.4) -> Colour:
    """``colour`` with ``share`` of white in it."""
    return mix(colour, WHITE, share)


@dataclass(frozen=True)
class View:
    """How the drawing plane lies on the picture: magnified about ``centre``, then moved."""

    magnification: float = 1.0
    centre: Point = (128.0, 150.0)
    shift: Point = (0.0, 0.0)


class Canvas:
    """A picture to draw on in the units of the drawing plane; the view places it on the picture."""

    def __init__(self, background: Image.Image, view: View | None = None) -> None:
        """Start from a copy of ``background``, ``SIDE * SUPERSAMPLING`` pixels a side, RGB."""
        self._image = background.copy()
        self._draw = ImageDraw.Draw(self._image)
        self._view = view or View()

    def finished(self) -> Image.Image:
        """The picture, ``SIDE`` pixels a side."""
        return self._image.reduce(SUPERSAMPLING)

    def image(self) -> Image.Image:
        """The fine picture as it is, ``SIDE * SUPERSAMPLING`` pixels a side."""
        return self._image

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(self._place(points), fill=fill)

    def ellipse(
        self, centre: Point, rx: float, ry: float, fill: Colour, degrees: float = 0.0
    ) -> None:
        """A filled ellipse, its first axis turned by ``degrees``."""
        self.polygon(ring(centre, rx, ry, degrees), fill)

    def blob(self, centre: Point, rx: float, ry: float, fill: Colour, degrees: float = 0.0) -> None:
        """A filled ellipse with a dark outline."""
        self.ellipse(centre, rx + OUTLINE, ry + OUTLINE, darker(fill, 0.45), degrees)
        self.ellipse(centre, rx, ry, fill, degrees)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A line through ``points`` with round joints and ends."""
        places = self._place(points)
        pixels = max(1, round(width * self._scale))
        self._draw.line(places, fill=fill, width=pixels, joint="curve")
        radius = pixels / 2
        for x, y in (places[0], places[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def limb(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A line with a dark outline."""
        self.line(points, width + 2 * OUTLINE, darker(fill, 0.45))
        self.line(points, width, fill)

    def tube(
        self, points: Sequence[Point], width: float, fill: Colour, shine: Colour = WHITE
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

    def _place(self, points: Sequence[Point]) -> list[Point]:
        centre_x, centre_y = self._view.centre
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
