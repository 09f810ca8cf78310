"""Pose accuracy: do pitch and loudness show in the image?

The rank correlation (Spearman) of what ``PoseReader`` reads with the truth, averaged over the
classes. One still image per class has 0; the row of real photos says how well the reading works.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from cargan_tf.errors import UserError
from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured
from cargan_tf.evaluation.report import MetricInfo, MetricValue
from cargan_tf.evaluation.training_photos import MIN_IMAGES

#: Relative range below which readings are those of one still image.
_EPSILON: Final = 1e-6


def pose_accuracy(inputs: MetricInputs, quantity: str) -> MetricValue:
    """The mean rank correlation of ``pitch`` or ``loudness`` over the classes."""
    truth = inputs.pitch if quantity == "pitch" else inputs.loudness
    if truth is None or inputs.pose_reader is None or not np.isfinite(truth).any():
        raise NotMeasured(f"the data does not say the {quantity} of its clips")
    try:
        reader = inputs.pose_reader()
    except UserError as error:  # no training photos to learn the reading from
        raise NotMeasured(str(error)) from error
    values, images = [], 0
    for label in reader.classes_of(quantity):
        of_class = (inputs.classes == label) & np.isfinite(truth)
        if of_class.sum() < MIN_IMAGES or np.ptp(truth[of_class]) < _EPSILON:
            continue
        read = reader.read(inputs.images[of_class], quantity, label)
        images += int(of_class.sum())
        values.append(rank_correlation(read, truth[of_class]))
    if not values:
        raise NotMeasured(f"no class has {MIN_IMAGES} clips of known {quantity}")
    return MetricValue(value=float(np.mean(values)), images=images)


def rank_correlation(read: NDArray[Any], truth: NDArray[Any]) -> float:
    """Spearman's, of [N] and [N]; 0 if what was read is always the same."""
    still = np.ptp(read) < _EPSILON * max(1.0, float(np.abs(read).max()))
    return 0.0 if still else float(spearmanr(read, truth).statistic)


def _metric(quantity: str) -> Metric:
    return Metric(
        MetricInfo(
            name=f"pose_{quantity}",
            title=f"pose: {quantity}",
            better="higher",
            fraction=False,
            meaning=f"Rank correlation of the {quantity} read from the image with the true one,"
            " averaged over the instruments; 0 for a still image, and of real photos what the"
            " reading can do at best.",
        ),
        lambda inputs: pose_accuracy(inputs, quantity),
        of_real=True,
        of_few=False,
    )


METRICS = tuple(_metric(quantity) for quantity in ("pitch", "loudness"))
