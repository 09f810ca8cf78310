"""KID: the squared kernel distance between features (Bińkowski et al. 2018).

An image and its photo are one sample, not two: the estimator of Gretton et al. 2012 (Eq. 4), which
leaves out the kernel between the two, is unbiased for such pairs as well. Photos measured as their
own images have exactly 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured, halves
from cargan_tf.evaluation.networks.feature_network import FEATURES
from cargan_tf.evaluation.report import MetricInfo, MetricValue
from cargan_tf.utils.arrays import AnyArray

#: Fewer images are not measured: the standard error would exceed any distance.
LEAST: Final = 20
#: The jackknife leaves one pair out and needs two others.
_LEAST_PAIRS: Final = 3


def kernel_distance(first: AnyArray, second: AnyArray) -> tuple[float, float]:
    """Unbiased MMD² between features with the kernel (xy/F + 1)³, and its standard error.

    Args:
        first: features [N, F], N >= 3.
        second: [N, F]; the i-th may depend on the i-th of ``first``, as an image on its photo.

    Returns:
        The mean of k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i) over all i ≠ j, and its
        standard error by the jackknife over pairs.

    Raises:
        ValueError: the two differ in number, or there are fewer than three.
    """
    count = len(first)
    if len(second) != count or count < _LEAST_PAIRS:
        raise ValueError(
            f"needs as many features on both sides, {_LEAST_PAIRS} or more; received {count} and"
            f" {len(second)}"
        )
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    between = _kernel(first, second)
    terms = _kernel(first, first) + _kernel(second, second) - between - between.T
    np.fill_diagonal(terms, 0.0)
    of_pair = terms.sum(axis=1)
    total = of_pair.sum()
    without = (total - 2 * of_pair) / ((count - 1) * (count - 2))  # of each pair in turn
    variance = (count - 1) / count * ((without - without.mean()) ** 2).sum()
    return float(total / (count * (count - 1))), float(np.sqrt(variance))


def _kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = (first @ second.T / first.shape[1] + 1.0) ** 3
    return kernel


def kid(inputs: MetricInputs) -> MetricValue:
    """KID and its standard error, beside that of the real photos' halves."""
    activations_of = inputs.activations_of(FEATURES)
    if len(inputs) < LEAST:
        raise NotMeasured(f"KID needs at least {LEAST} images; there are {len(inputs)}")
    fake, real = activations_of.images.features, activations_of.photos.features
    value, standard_error = kernel_distance(real, fake)
    floor = None
    if len(inputs) >= 2 * LEAST:
        one, other = halves(len(real), inputs.seed)
        floor, _ = kernel_distance(real[one], real[other])
    return MetricValue(
        value=value,
        images=len(fake),
        real=len(real),
        standard_error=standard_error,
        floor=floor,
        network=activations_of.name,
    )


METRICS = (
    Metric(
        MetricInfo(
            name="kid",
            title="KID",
            better="lower",
            fraction=False,
            meaning="Squared kernel distance between features, ± its standard error: 0 on average"
            " for equal distributions, so below 0 by chance. Unlike FID it does not grow when"
            " there are fewer images, but its standard error does.",
        ),
        kid,
        role=FEATURES,
        of_few=False,
        by_class=False,
    ),
)
