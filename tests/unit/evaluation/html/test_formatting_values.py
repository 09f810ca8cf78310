import pytest

from cargan_tf.evaluation.html.formatting import LIMITS, limits, number
from cargan_tf.evaluation.report import MetricInfo, MetricValue

FRACTION = MetricInfo("evaluator_accuracy", "accuracy", "higher", True, "Fraction seen right.")
DISTANCE = MetricInfo("fid", "FID", "lower", False, "Distance of features.")


@pytest.mark.parametrize(
    ("value", "fraction", "text"),
    [
        (0.98765, True, "0.988"),
        (1.0, True, "1.000"),
        (123.456, False, "123.5"),
        (-123.456, False, "-123.5"),
        (12.3456, False, "12.35"),
        (1.23456, False, "1.235"),
        (0.0123456, False, "0.0123"),
        (0.0, False, "0"),
    ],
)
def test_numbers_have_the_digits_that_mean_something(value, fraction, text):
    assert number(value, fraction) == text


def test_a_plain_figure_has_no_limits():
    assert list(limits(MetricValue(1.0, 12), DISTANCE)) == []


def test_all_that_limits_a_figure_is_said_and_explained():
    fraction = MetricValue(0.25, 12, interval=(0.2, 0.3), standard_error=0.0125, chance=1 / 6)
    distance = MetricValue(200, 12, floor=44.0, at_floor_size=210.0, singular=True)
    assert list(limits(fraction, FRACTION)) == ["95 %: 0.200 to 0.300", "± 0.013", "chance 0.167"]
    assert list(limits(distance, DISTANCE)) == ["floor 44.00", "at its size 210.0", "singular"]
    explained = " ".join(LIMITS)
    for word in ("95 %", "±", "chance", "floor", "at its size", "singular"):
        assert word in explained
