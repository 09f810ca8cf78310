from __future__ import annotations

import math

import pytest

from cargan_tf.synthetic.canvas import Axis, between, bezier, elbow, ring, smooth


def test_an_axis_turns_clockwise_on_the_screen():
    axis = Axis((10, 20), 90)
    assert axis.at(5) == pytest.approx((10, 25))
    assert axis.at(0, 5) == pytest.approx((5, 20))


def test_a_bezier_curve_starts_and_ends_at_its_outer_points():
    curve = bezier((0, 0), (5, 9), (10, 0), steps=9)
    assert len(curve) == 9
    assert curve[0] == (0, 0)
    assert curve[-1] == (10, 0)
    assert curve[4] == pytest.approx((5, 4.5))


def test_a_ring_lies_on_its_ellipse():
    for x, y in ring((3, 4), 2, 5):
        assert ((x - 3) / 2) ** 2 + ((y - 4) / 5) ** 2 == pytest.approx(1)


def test_between():
    assert between((0, 0), (10, 20), 0.25) == (2.5, 5.0)


def test_a_smooth_curve_passes_its_knots_and_closes():
    knots = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    curve = smooth(*knots, steps=4)
    assert len(curve) == 16
    assert curve[::4] == knots
    assert curve[2] == pytest.approx((5, -1.25))  # bulges between two knots


@pytest.mark.parametrize("outward", [-1, 1])
@pytest.mark.parametrize("hand", [(40, 0), (-40, 0), (90, -20), (-80, -30)])
def test_an_elbow_hangs_and_both_parts_of_the_arm_are_equal(hand, outward):
    bend = elbow((0, 0), hand, half_arm=34, outward=outward)
    assert math.dist((0, 0), bend) == pytest.approx(math.dist(bend, hand))
    assert bend[1] > hand[1] / 2


@pytest.mark.parametrize("outward", [-1, 1])
def test_the_elbow_of_a_hanging_arm_points_outwards(outward):
    assert elbow((0, 0), (0, 50), half_arm=34, outward=outward)[0] * outward > 10


@pytest.mark.parametrize("outward", [-1, 1])
def test_an_elbow_never_jumps(outward):
    hands = [
        (50 * math.cos(angle / 50), 50 * math.sin(angle / 50))
        for angle in range(round(100 * math.pi) + 1)
    ]
    bends = [elbow((0, 0), hand, half_arm=34, outward=outward) for hand in hands]
    assert max(map(math.dist, bends, bends[1:])) < 5
