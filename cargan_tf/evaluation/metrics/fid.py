"""FID: the Fréchet distance between Gaussians fitted to features (Heusel et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured, halves
from cargan_tf.evaluation.metrics.tfgan import frechet_distance
from cargan_tf.evaluation.networks.feature_network import FEATURES
from cargan_tf.evaluation.report import MetricInfo, MetricValue

#: A covariance needs two images.
LEAST = 2


def fid(inputs: MetricInputs) -> MetricValue:
    """FID, beside that of the real photos' halves and of as few images."""
    activations_of = inputs.activations_of(FEATURES)
    if len(inputs) < LEAST:
        raise NotMeasured(f"FID needs at least {LEAST} images; there is {len(inputs)}")
    fake, real = activations_of.images.features, activations_of.photos.features
    floor = at_floor_size = None
    if len(inputs) >= 2 * LEAST:
        one, other = halves(len(inputs), inputs.seed)
        floor = frechet_distance(real[one], real[other])
        at_floor_size = frechet_distance(real[one], fake[other])
    return MetricValue(
        value=frechet_distance(real, fake),
        images=len(fake),
        real=len(real),
        floor=floor,
        at_floor_size=at_floor_size,
        singular=is_singular(real) or is_singular(fake),
        network=activations_of.name,
    )


def is_singular(features: NDArray[np.float32]) -> bool:
    """Whether the covariance of [N, F] has no full rank; N <= F alone makes it so."""
    count, size = features.shape
    if count <= size:
        return True
    centered = features - features.mean(axis=0, dtype=np.float64)
    return bool(np.linalg.matrix_rank(centered) < size)


METRICS = (
    Metric(
        MetricInfo(
            name="fid",
            title="FID",
            better="lower",
            fraction=False,
            meaning="Distance between the features of generated and of real images. With few"
            " images it is mostly bias: compare it with the real photos' own, and only figures"
            " of the same N and network with each other.",
        ),
        fid,
        role=FEATURES,
        of_few=False,
        by_class=False,
    ),
)
