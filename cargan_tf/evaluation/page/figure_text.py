"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cargan_tf.evaluation.report import Figure, MetricInfo

#: Which way a metric is better, after its title.
ARROWS: Final = {"higher": " ↑", "lower": " ↓", "neither": ""}


def number(value: float, share: bool) -> str:
    """A share with three decimals, anything else with three or four digits."""
    if share:
        return f"{value:.3f}"
    for least, decimals in ((100, 1), (10, 2), (1, 3)):
        if abs(value) >= least:
            return f"{value:.{decimals}f}"
    return f"{value:.3g}"


def limits(figure: Figure, info: MetricInfo) -> Iterator[str]:
    """What one must know to judge a figure, a few words each; ``LIMITS`` explains them."""
    if figure.interval is not None:
        low, high = (number(edge, info.share) for edge in figure.interval)
        yield f"95 %: {low} to {high}"
    if figure.spread is not None:
        yield f"± {number(figure.spread, info.share)}"
    if figure.chance is not None:
        yield f"chance {number(figure.chance, info.share)}"
    if figure.floor is not None:
        yield f"floor {number(figure.floor, info.share)}"
    if figure.at_floor_size is not None:
        yield f"at its size {number(figure.at_floor_size, info.share)}"
    if figure.singular:
        yield "singular"


LIMITS: Final = {
    "95 %": "Wilson's interval of a share.",
    "±": "Standard error over parts of the pictures.",
    "chance": (
        "What guessing would give: the label, for an accuracy; else the photo, among those of the"
        " class."
    ),
    "floor, at its size": (
        "The same measure between two halves of the real photos, and between one of those halves"
        " and as many pictures: these two compare like with like, as the measure grows when there"
        " are fewer pictures."
    ),
    "singular": (
        "There are no more pictures than features, so the covariance has no full rank and the"
        " distance is mostly bias: compare it within this page only."
    ),
}
