"""FID: the Fréchet distance between Gaussians fitted to features (Heusel et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.metrics.inputs import FEATURES, Material, Metric, NotMeasured, halves
from cargan_tf.evaluation.metrics.tfgan import frechet_distance
from cargan_tf.evaluation.report import Figure, MetricInfo

#: A covariance needs two pictures.
LEAST = 2


def frechet(material: Material) -> Figure:
    """FID, beside that of the real photos' halves and of as few pictures."""
    looker = material.looker(FEATURES)
    if len(material) < LEAST:
        raise NotMeasured(f"FID needs at least {LEAST} pictures; there is {len(material)}")
    fake, real = looker.pictures.features, looker.photos.features
    floor = at_floor_size = None
    if len(material) >= 2 * LEAST:
        one, other = halves(len(material), material.seed)
        floor = frechet_distance(real[one], real[other])
        at_floor_size = frechet_distance(real[one], fake[other])
    return Figure(
        value=frechet_distance(real, fake),
        pictures=len(fake),
        real=len(real),
        floor=floor,
        at_floor_size=at_floor_size,
        singular=is_singular(real) or is_singular(fake),
        network=looker.name,
    )


def is_singular(features: NDArray[np.float32]) -> bool:
    """Whether the covariance of [N, F] has no full rank; N <= F alone makes it so."""
    count, size = features.shape
    if count <= size:
        return True
    centred = features - features.mean(axis=0, dtype=np.float64)
    return bool(np.linalg.matrix_rank(centred) < size)


METRICS = (
    Metric(
        MetricInfo(
            name="fid",
            title="FID",
            better="lower",
            share=False,
            meaning="Distance between the features of generated and of real pictures. With few"
            " pictures it is mostly bias: compare it with the real photos' own, and only figures"
            " of the same N and network with each other.",
        ),
        frechet,
        role=FEATURES,
        of_few=False,
    ),
)
