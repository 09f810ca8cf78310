"""KID: the kernel distance between features, which has no bias (Bińkowski et al. 2018)."""

from __future__ import annotations

import numpy as np

from cargan_tf.evaluation.metrics.inputs import FEATURES, Material, Metric, NotMeasured, halves
from cargan_tf.evaluation.metrics.tfgan import kernel_distance
from cargan_tf.evaluation.report import Figure, MetricInfo

#: Parts of the pictures whose distances are averaged; their differences give the spread.
BLOCKS = 10
#: Two pictures in each part.
LEAST = 2 * BLOCKS


def kernel(material: Material) -> Figure:
    """KID and its standard error, beside that of the real photos' halves."""
    looker = material.looker(FEATURES)
    if len(material) < LEAST:
        raise NotMeasured(f"KID needs at least {LEAST} pictures; there are {len(material)}")
    # Pictures of one recording lie together; each part should have some of all.
    order = np.random.default_rng(material.seed).permutation(len(material))
    fake, real = looker.pictures.features[order], looker.photos.features[order]
    value, spread = kernel_distance(real, fake, BLOCKS)
    floor = None
    if len(material) >= 2 * LEAST:
        one, other = halves(len(real), material.seed)
        floor, _ = kernel_distance(real[one], real[other], BLOCKS)
    return Figure(
        value=value,
        pictures=len(fake),
        real=len(real),
        spread=spread,
        floor=floor,
        network=looker.name,
    )


METRICS = (
    Metric(
        MetricInfo(
            name="kid",
            title="KID",
            better="lower",
            share=False,
            meaning="Distance between features without FID's bias, ± its standard error; 0 for"
            " equal distributions, and below by chance.",
        ),
        kernel,
        role=FEATURES,
        of_few=False,
    ),
)
