"""Shares of pictures that are right, with what chance allows."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from cargan_tf.evaluation.report import Figure

CONFIDENCE = 0.95


def share(
    hits: NDArray[np.bool_], chance: float | None = None, network: str | None = None
) -> Figure:
    """The share of ``hits`` [N], N >= 1, with Wilson's interval (Wilson 1927).

    The interval takes the pictures for independent. Clips of one recording are not, so the true
    one is wider.
    """
    test = scipy.stats.binomtest(int(hits.sum()), len(hits))
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return Figure(
        value=float(np.mean(hits)),
        pictures=len(hits),
        interval=(float(interval.low), float(interval.high)),
        chance=chance,
        network=network,
    )
