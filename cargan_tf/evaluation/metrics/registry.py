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
    video,
)
from cargan_tf.evaluation.metrics.inputs import Metric
from cargan_tf.evaluation.metrics.video import VideoMetric

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
#: Of a video, by ``cargan evaluate --video``.
VIDEO_METRICS: tuple[VideoMetric, ...] = video.METRICS


def chosen_metrics(names: Sequence[str] | None) -> tuple[Metric, ...]:
    """The metrics of those names, in the registry's order; all by default.

    Raises:
        UserError: a name is unknown.
    """
    known = [metric.info.name for metric in METRICS]
    for name in names or ():
        if name in (metric.info.name for metric in VIDEO_METRICS):
            raise UserError(f"{name} is measured on a video: cargan evaluate RUN --video.")
        if name not in known:
            raise UserError(
                f"no metric {name!r}.{did_you_mean(name, known)} There are {', '.join(known)}."
            )
    return tuple(metric for metric in METRICS if not names or metric.info.name in names)
