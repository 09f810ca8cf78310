"""All metrics, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.metrics import (
    accuracy,
    fid,
    inception_score,
    kid,
    pose,
    reconstruction,
    retrieval,
    sensitivity,
)
from cargan_tf.evaluation.metrics.inputs import Metric

METRICS: tuple[Metric, ...] = (
    *accuracy.METRICS,
    *fid.METRICS,
    *kid.METRICS,
    *inception_score.METRICS,
    *retrieval.METRICS,
    *retrieval.PLAYER_METRICS,
    *pose.METRICS,
    *sensitivity.METRICS,
    *reconstruction.METRICS,
)


def chosen_metrics(names: Sequence[str] | None) -> tuple[Metric, ...]:
    """The metrics of those names, in the registry's order; all by default.

    Raises:
        UserError: a name is unknown.
    """
    known = [metric.info.name for metric in METRICS]
    for name in names or ():
        if name not in known:
            raise UserError(
                f"no metric {name!r}.{did_you_mean(name, known)} There are {', '.join(known)}."
            )
    return tuple(metric for metric in METRICS if not names or metric.info.name in names)
