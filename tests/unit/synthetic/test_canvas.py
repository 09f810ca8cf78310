from __future__ import annotations

import numpy as np
from PIL import Image

from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING, Canvas, View, darker, lighter, mix

PLAIN = Image.new("RGB", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), (0, 0, 200))
RED = (200, 0, 0)


def red_pixels(canvas):
    ys, xs = np.nonzero(np.asarray(canvas.finished())[..., 0] > 100)
    return xs, ys


def test_colours_mix():
    assert mix((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)
    assert darker((100, 200, 50), 1.0) == (0, 0, 0)
    assert lighter((100, 200, 50), 1.0) == (255, 255, 255)


def test_shapes_lie_where_they_are_put():
    canvas = Canvas(PLAIN)
    canvas.ellipse((60, 80), 20, 10, RED)
    xs, ys = red_pixels(canvas)
    assert abs(xs.mean() - 60) < 1
    assert abs(ys.mean() - 80) < 1
    assert abs(np.ptp(xs) - 40) <= 2
    assert abs(np.ptp(ys) - 20) <= 2


def test_the_view_magnifies_and_moves():
    canvas = Canvas(PLAIN, View(magnification=2.0, center=(128, 128), shift=(10, 0)))
    canvas.line([(118, 128), (138, 128)], 4, RED)
    xs, ys = red_pixels(canvas)
    assert abs(xs.mean() - 138) < 1
    assert abs(np.ptp(xs) - 48) <= 3
    assert abs(np.ptp(ys) - 8) <= 2


def test_the_background_is_not_drawn_on():
    Canvas(PLAIN).polygon([(0, 0), (256, 0), (0, 256)], RED)
    assert PLAIN.getpixel((5, 5)) == (0, 0, 200)
