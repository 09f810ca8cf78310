"""Player match: does the nearest real photo of the class show the player who is heard?"""

from __future__ import annotations

import numpy as np

from cargan_tf.evaluation.metrics.material import Material, Metric, NotMeasured
from cargan_tf.evaluation.metrics.shares import share
from cargan_tf.evaluation.report import Figure, MetricInfo


def player_match(material: Material) -> Figure:
    """The share, against that of a photo drawn at random from the class."""
    ranking = material.ranks
    if ranking.player_match is None or ranking.player_chance is None:
        raise NotMeasured("the data names no players")
    if (ranking.player_chance == 1).all():
        raise NotMeasured("no class has more than one player")
    return share(ranking.player_match, chance=float(np.mean(ranking.player_chance)))


METRICS = (
    Metric(
        MetricInfo(
            name="player_match",
            title="player",
            better="higher",
            share=True,
            meaning="Share of pictures whose nearest real photo of the class shows the player who"
            " is heard. It says nothing of what the player does.",
        ),
        player_match,
    ),
)
