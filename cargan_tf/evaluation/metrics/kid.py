"""KID: the kernel distance between features, which has no bias (Bińkowski et al. 2018)."""

from __future__ import annotations

import numpy as np

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured, halves
from cargan_tf.evaluation.metrics.tfgan import kernel_distance
from cargan_tf.evaluation.networks.feature_network import FEATURES
from cargan_tf.evaluation.report import MetricInfo, MetricValue

#: Parts of the images whose distances are averaged; their differences give the standard error.
BLOCKS = 10
#: Two images in each part.
LEAST = 2 * BLOCKS


def kid(inputs: MetricInputs) -> MetricValue:
    """KID and its standard error, beside that of the real photos' halves."""
    activations_of = inputs.activations_of(FEATURES)
    if len(inputs) < LEAST:
        raise NotMeasured(f"KID needs at least {LEAST} images; there are {len(inputs)}")
    # Images of one recording lie together; each part should have some of all.
    order = np.random.default_rng(inputs.seed).permutation(len(inputs))
    fake, real = activations_of.images.features[order], activations_of.photos.features[order]
    value, standard_error = kernel_distance(real, fake, BLOCKS)
    floor = None
    if len(inputs) >= 2 * LEAST:
        one, other = halves(len(real), inputs.seed)
        floor, _ = kernel_distance(real[one], real[other], BLOCKS)
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
            meaning="Distance between features without FID's bias, ± its standard error; 0 for"
            " equal distributions, and below by chance.",
        ),
        kid,
        role=FEATURES,
        of_few=False,
    ),
)
