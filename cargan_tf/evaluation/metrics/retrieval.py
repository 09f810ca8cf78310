"""R@k: is the real photo among the k nearest of its class to the generated picture?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cargan_tf.evaluation.metrics.material import Material, Metric, NotMeasured
from cargan_tf.evaluation.metrics.shares import share
from cargan_tf.evaluation.report import Figure, MetricInfo

DEPTHS = (1, 5, 10)


def retrieval(material: Material, depth: int) -> Figure:
    """R@depth within the class, nearest in mean |difference|, against chance."""
    ranks, candidates = material.ranks.ranks, material.ranks.candidates
    if (candidates <= depth).all():
        raise NotMeasured(f"no class has more than {depth} photos, so R@{depth} is always 1")
    chance = float(np.mean(np.minimum(1.0, depth / candidates)))
    return share(ranks <= depth, chance=chance)


def _at(depth: int) -> Callable[[Material], Figure]:
    return lambda material: retrieval(material, depth)


METRICS = tuple(
    Metric(
        MetricInfo(
            name=f"retrieval_{depth}",
            title=f"R@{depth}",
            better="higher",
            share=True,
            meaning=f"Share of pictures whose real photo is among the {depth} nearest of its"
            " class. Only the sound can tell them apart: a deaf generator is at chance.",
        ),
        _at(depth),
    )
    for depth in DEPTHS
)
