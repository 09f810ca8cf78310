"""L1, PSNR and SSIM: how near each picture is to its own real photo, pixel by pixel."""

from __future__ import annotations

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cargan_tf.evaluation.metrics.inputs import Material, Metric, NotMeasured
from cargan_tf.evaluation.report import Figure, MetricInfo
from cargan_tf.training.conditioning_metrics import mean_distance

#: Of values in [-1, 1].
RANGE = 2.0


def l1(material: Material) -> Figure:
    """Mean |difference| in [-1, 1]."""
    return Figure(value=mean_distance(material.pictures, material.photos), pictures=len(material))


def psnr(material: Material) -> Figure:
    """Mean over pictures, in dB (scikit-image)."""
    pairs = zip(material.photos, material.pictures, strict=True)
    same = [bool((photo == picture).all()) for photo, picture in pairs]
    if any(same):
        raise NotMeasured(f"{sum(same)} pictures equal their photos: their PSNR has no bound")
    pairs = zip(material.photos, material.pictures, strict=True)
    ratios = [peak_signal_noise_ratio(*pair, data_range=RANGE) for pair in pairs]
    return Figure(value=float(np.mean(ratios)), pictures=len(material))


def ssim(material: Material) -> Figure:
    """Mean over pictures (Wang et al. 2004; scikit-image, 7×7 windows, mean of channels)."""
    pairs = zip(material.photos, material.pictures, strict=True)
    values = [structural_similarity(*pair, data_range=RANGE, channel_axis=-1) for pair in pairs]
    return Figure(value=float(np.mean(values)), pictures=len(material))


METRICS = (
    Metric(
        MetricInfo(
            name="l1",
            title="L1",
            better="lower",
            share=False,
            meaning="Mean |difference| from the own photo in [-1, 1]. A blur is rewarded: compare"
            " it with the class mean's.",
        ),
        l1,
    ),
    Metric(
        MetricInfo(
            name="psnr",
            title="PSNR",
            better="higher",
            share=False,
            meaning="In dB; the squared difference from the own photo. A blur is rewarded more.",
        ),
        psnr,
    ),
    Metric(
        MetricInfo(
            name="ssim",
            title="SSIM",
            better="higher",
            share=False,
            meaning="Likeness of local structure to the own photo, 1 for equal pictures. A plain"
            " backdrop that never changes raises it.",
        ),
        ssim,
    ),
)
