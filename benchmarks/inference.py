"""Images a second of the trained model's path: sound in, 8-bit image out.

python -m benchmarks.inference --size 128 --batch 16
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.measuring import parse_and_report, peak_gib, timed
from benchmarks.networks import BATCH, LABELS, config_of, new_serving_module


def measure(size: int, batch: int, way: str, repetitions: int, tiny: bool) -> dict[str, Any]:
    """The figures of one size, batch and way; ``authors`` is their networks by plain layers."""
    import tensorflow as tf

    from benchmarks import multiply_adds
    from benchmarks.plain_layers import use_plain_layers

    config = config_of(size, way, tiny)
    if way == "authors":
        use_plain_layers()
    model, _ = new_serving_module(config)
    noise = np.random.default_rng(0).normal(0, 0.1, (batch, config.audio.clip_samples))
    sounds, labels = tf.constant(noise, tf.float32), tf.one_hot([0] * batch, LABELS)
    timing = timed(lambda: model.generate_soft_labels(sounds, labels)["image"].numpy(), repetitions)
    peak = peak_gib()
    use_plain_layers()
    work = multiply_adds.of_drawing(multiply_adds.of_networks(config, LABELS))
    return {
        "images_per_second": batch / timing.seconds,
        "seconds": timing.seconds,
        "peak_gib": peak,
        "gmac_per_image": work / 1e9,
        "product_gflops": timing.product_gflops,
        "share_of_product": timing.fraction(work * batch),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--size", type=int, choices=BATCH, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--way", choices=("ours", "authors"), default="ours")
    parser.add_argument("--repetitions", type=int, default=15)
    parse_and_report(parser, measure)
