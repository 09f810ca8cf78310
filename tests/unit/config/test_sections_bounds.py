from typing import Literal

import pytest
from pydantic import ValidationError

from cargan_tf.config.sections import Fraction, Positive, Section, Weight, setting


class Kettle(Section):
    """A section of no program."""

    cups: Positive = setting(4, "so many come")
    sugar: Weight = setting(0.0, "by the doctor's advice")
    full: Fraction = setting(0.5, "it boils over otherwise")
    lid: bool = setting(True, "it is quicker")
    sort: Literal["black", "green"] | None = setting(None, "whatever there is")
    degrees: float = setting(95.0, "what the tin says", gt=0, le=100)


def refused(**values):
    """The fields that are complained of."""
    with pytest.raises(ValidationError) as caught:
        Kettle(**values)
    return [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("field", "fits", "not_so"),
    [
        ("cups", 1, 0),
        ("cups", 2, 2.5),
        ("sugar", 0, -0.1),
        ("full", 1, 1.01),
        ("full", 0, -0.01),
        ("sort", "green", "white"),
        ("degrees", 100, 100.5),
    ],
)
def test_a_value_within_its_bounds_fits_and_another_is_named(field, fits, not_so):
    assert getattr(Kettle(**{field: fits}), field) == fits
    assert refused(**{field: not_so})[0][0] == field


def test_all_that_is_wrong_is_named_at_once():
    assert refused(cups=0, full=2, spoon=1) == [("cups",), ("full",), ("spoon",)]


def test_a_key_that_is_none_is_refused():
    assert refused(cupz=3) == [("cupz",)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["sugar", "full", "degrees"])
def test_no_number_is_infinite_or_none(field, value):
    assert refused(**{field: value}) == [(field,)]


@pytest.mark.parametrize("field", ["cups", "sugar", "full", "sort", "degrees"])
@pytest.mark.parametrize("value", [True, False])
def test_yes_and_no_are_for_switches_alone(field, value):
    """True is the number 1 to Python, and YAML reads yes and on as true."""
    with pytest.raises(ValidationError, match="it is not a switch"):
        Kettle(**{field: value})
    assert Kettle(lid=value).lid is value


def test_what_was_checked_cannot_be_changed():
    kettle = Kettle()
    with pytest.raises(ValidationError, match="frozen"):
        kettle.cups = 5
    assert kettle == Kettle()


def test_a_default_that_does_not_fit_is_no_default():
    class Broken(Section):
        cups: Positive = setting(0, "none come")

    with pytest.raises(ValidationError, match="cups"):
        Broken()


def test_a_setting_keeps_its_reason():
    assert Kettle.model_fields["sugar"].description == "by the doctor's advice"
    assert Kettle.model_fields["sugar"].default == 0
