from __future__ import annotations

import numpy as np
import pytest
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


def test_a_line_tapers():
    canvas = Canvas(PLAIN)
    canvas.line([(60, 100), (160, 100)], 20, RED, 8)
    xs, ys = red_pixels(canvas)
    widths = [np.ptp(ys[xs == x]) + 1 for x in (62, 110, 158)]
    assert widths == pytest.approx([20, 14, 8], abs=1.5)


def test_edges_are_smooth():
    canvas = Canvas(PLAIN)
    canvas.ellipse((128, 128), 60, 60, RED)
    shades = np.unique(np.asarray(canvas.finished())[..., 0])
    assert len(shades) > 8  # the plain color, the ellipse's and what lies between


def test_a_finer_background_gives_a_larger_image_of_the_same_drawing():
    fine = Image.new("RGB", (2 * SIDE * SUPERSAMPLING,) * 2, (0, 0, 200))
    images = []
    for background in (PLAIN, fine):
        canvas = Canvas(background)
        canvas.shape([(60, 60), (190, 80), (100, 200)], RED)
        images.append(canvas.finished())
    assert images[1].size == (512, 512)
    halved = np.asarray(images[1].reduce(2), float)
    assert np.abs(halved - np.asarray(images[0], float)).mean() < 0.5


def test_shapes_and_limbs_have_a_dark_outline():
    canvas = Canvas(PLAIN)
    canvas.limb([(60, 60), (190, 60)], 20, RED)
    canvas.shape([(60, 120), (190, 120), (190, 200), (60, 200)], RED)
    image = canvas.finished()
    for y in (49, 70, 119, 200):
        assert sum(image.getpixel((125, y))) < 0.7 * sum(RED)
    for y in (55, 160):
        assert image.getpixel((125, y)) == RED


def test_a_limb_is_darker_on_its_lower_side():
    canvas = Canvas(PLAIN)
    canvas.limb([(60, 60), (190, 60)], 20, RED)
    image = canvas.finished()
    assert image.getpixel((125, 68))[0] < image.getpixel((125, 54))[0]


def test_the_background_is_not_drawn_on():
    Canvas(PLAIN).polygon([(0, 0), (256, 0), (0, 256)], RED)
    assert PLAIN.getpixel((5, 5)) == (0, 0, 200)
