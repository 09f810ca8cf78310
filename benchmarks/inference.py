"""Pictures a second of the trained model's path: sound in, 8-bit picture out.

    python -m benchmarks.inference --size 128 --batch 16

The weights are random; speed does not depend on them.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.measuring import peak_gib, report, timed
from benchmarks.training_step import LABELS, config_of
from cargan_tf.labels import SUB_URMP_LABELS


def measure(size: int, batch: int, way: str, repetitions: int) -> dict[str, Any]:
    """The figures of one size, batch and way; ``authors`` is their networks by plain layers."""
    import tensorflow as tf

    from benchmarks import multiply_adds
    from benchmarks.plain_layers import use_plain_layers
    from cargan_tf.audio.statistics import BandStatistics
    from cargan_tf.models.cascade import new_cascade
    from cargan_tf.serving.picture_model import ModelCard, PictureModel

    config = config_of(size, way)
    if way == "authors":
        use_plain_layers()
    bands = (0.0,) * config.audio.n_mels, (1.0,) * config.audio.n_mels
    card = ModelCard(config, SUB_URMP_LABELS, BandStatistics(*bands), step=0, data_hash="")
    model = PictureModel(new_cascade(config, LABELS), card)
    noise = np.random.default_rng(0).normal(0, 0.1, (batch, config.audio.clip_samples))
    sounds, labels = tf.constant(noise, tf.float32), tf.constant(list(SUB_URMP_LABELS[:1]) * batch)
    timing = timed(lambda: model.draw(sounds, labels)["image"].numpy(), repetitions)
    peak = peak_gib()
    use_plain_layers()
    work = multiply_adds.of_drawing(multiply_adds.of_networks(config, LABELS))
    return {
        "pictures_per_second": batch / timing.seconds,
        "seconds": timing.seconds,
        "peak_gib": peak,
        "gmac_per_picture": work / 1e9,
        "product_gflops": timing.product_gflops,
        "share_of_product": timing.share(work * batch),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--size", type=int, choices=(128, 256), required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--way", choices=("ours", "authors"), default="ours")
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    report(measure(**vars(arguments)))
