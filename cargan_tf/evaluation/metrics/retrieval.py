"""Retrieval metrics: R@k, the rank of the own photo, and player match."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured, fraction
from cargan_tf.evaluation.report import MetricInfo, MetricValue

DEPTHS = (1, 5, 10)


def retrieval(inputs: MetricInputs, depth: int) -> MetricValue:
    """R@depth within the class, nearest in mean |difference|, against chance."""
    ranks, candidates = inputs.ranks.ranks, inputs.ranks.candidates
    if (candidates <= depth).all():
        raise NotMeasured(f"no class has more than {depth} photos, so R@{depth} is always 1")
    chance = float(np.mean(np.minimum(1.0, depth / candidates)))
    return fraction(ranks <= depth, chance=chance)


def retrieval_in_player(inputs: MetricInputs) -> MetricValue:
    """R@1 among the photos of the class and the player, against chance."""
    ranks, candidates = inputs.ranks.player_ranks, inputs.ranks.player_candidates
    if ranks is None or candidates is None:
        raise NotMeasured("the data names no players")
    if (candidates == 1).all():
        raise NotMeasured("no player has more than one photo, so R@1 is always 1")
    return fraction(ranks == 1, chance=float(np.mean(1 / candidates)))


def _at(depth: int) -> Callable[[MetricInputs], MetricValue]:
    return lambda inputs: retrieval(inputs, depth)


METRICS = tuple(
    Metric(
        MetricInfo(
            name=f"retrieval_{depth}",
            title=f"R@{depth}",
            better="higher",
            fraction=True,
            meaning=f"Fraction of images whose real photo is among the {depth} nearest of its"
            " class. Only the sound distinguishes them: a generator that ignores it is at chance.",
        ),
        _at(depth),
    )
    for depth in DEPTHS
)


def player_match(inputs: MetricInputs) -> MetricValue:
    """The fraction, against that of a random photo of the class."""
    ranking = inputs.ranks
    if ranking.player_match is None or ranking.player_chance is None:
        raise NotMeasured("the data names no players")
    if (ranking.player_chance == 1).all():
        raise NotMeasured("no class has more than one player")
    return fraction(ranking.player_match, chance=float(np.mean(ranking.player_chance)))


PLAYER_METRICS = (
    Metric(
        MetricInfo(
            name="retrieval_1_player",
            title="R@1 within the player",
            better="higher",
            fraction=True,
            meaning="Fraction of images whose real photo is the nearest among those of its class"
            " and player. Only what is played distinguishes them: a generator that hears only who"
            " plays is at chance.",
        ),
        retrieval_in_player,
    ),
    Metric(
        MetricInfo(
            name="player_match",
            title="player",
            better="higher",
            fraction=True,
            meaning="Fraction of images whose nearest real photo of the class shows the player"
            " who is heard. It says nothing of what the player does.",
        ),
        player_match,
    ),
)
