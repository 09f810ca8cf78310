"""L1, PSNR and SSIM: how near each image is to its own real photo, pixel by pixel."""

from __future__ import annotations

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured
from cargan_tf.evaluation.report import MetricInfo, MetricValue
from cargan_tf.training.conditioning_metrics import mean_distance

#: Of values in [-1, 1].
RANGE = 2.0


def l1(inputs: MetricInputs) -> MetricValue:
    """Mean |difference| in [-1, 1], and that of the class median."""
    still = inputs.class_median
    return MetricValue(
        value=mean_distance(inputs.images, inputs.photos),
        images=len(inputs),
        class_median=None if still is None else mean_distance(still.images, inputs.photos),
    )


def psnr(inputs: MetricInputs) -> MetricValue:
    """Mean over images, in dB (scikit-image)."""
    pairs = zip(inputs.photos, inputs.images, strict=True)
    same = [bool((photo == image).all()) for photo, image in pairs]
    if any(same):
        raise NotMeasured(f"{sum(same)} images equal their photos: their PSNR has no bound")
    pairs = zip(inputs.photos, inputs.images, strict=True)
    ratios = [peak_signal_noise_ratio(*pair, data_range=RANGE) for pair in pairs]
    return MetricValue(value=float(np.mean(ratios)), images=len(inputs))


def ssim(inputs: MetricInputs) -> MetricValue:
    """Mean over images (Wang et al. 2004; scikit-image, 7×7 windows, mean of channels)."""
    pairs = zip(inputs.photos, inputs.images, strict=True)
    values = [structural_similarity(*pair, data_range=RANGE, channel_axis=-1) for pair in pairs]
    return MetricValue(value=float(np.mean(values)), images=len(inputs))


METRICS = (
    Metric(
        MetricInfo(
            name="l1",
            title="L1",
            better="lower",
            fraction=False,
            meaning="Mean |difference| from the own photo in [-1, 1]. A blur is rewarded: the class"
            " median is about the best that can be done from the label alone, the player median"
            " from who plays.",
        ),
        l1,
    ),
    Metric(
        MetricInfo(
            name="psnr",
            title="PSNR",
            better="higher",
            fraction=False,
            meaning="In dB; the squared difference from the own photo. A blur is rewarded more.",
        ),
        psnr,
    ),
    Metric(
        MetricInfo(
            name="ssim",
            title="SSIM",
            better="higher",
            fraction=False,
            meaning="Likeness of local structure to the own photo, 1 for equal images. A plain"
            " backdrop that never changes raises it.",
        ),
        ssim,
    ),
)
