"""Pictures a second and peak memory of the training step.

    python -m benchmarks.training_step --size 256 --way ours

Ways: ``ours`` is the step and the networks of ``configs/paper.yaml``; ``authors`` the step of
``authors_step`` and the networks of ``configs/authors.yaml`` by plain layers; ``ours-on-theirs``
our step and layers on the authors' networks. D is 64 wide in all.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.measuring import peak_gib, report, timed
from cargan_tf.config import Config, load_config

#: Pictures a step: what the authors' script trains with, and what a laptop can hold.
BATCH = {64: 16, 128: 4, 256: 2}
LABELS = 13
WAYS = ("ours", "authors", "ours-on-theirs")


def config_of(size: int, way: str) -> Config:
    """The configuration of a way; an untrained ResNet50 as C."""
    return load_config(
        "paper" if way == "ours" else "authors",
        [
            f"data.image_size={size}",
            f"training.batch_size={BATCH[size]}",
            "model.discriminator_width=64",
            "classifier.weights=none",
        ],
    )


def measure(size: int, way: str, repetitions: int) -> dict[str, Any]:
    """The figures of one way at one size; in a process of its own, as memory is counted."""
    import keras
    import tensorflow as tf

    from benchmarks import multiply_adds
    from benchmarks.authors_step import AuthorsStep
    from benchmarks.plain_layers import use_plain_layers
    from cargan_tf.models.cascade import new_cascade
    from cargan_tf.models.patchgan import new_discriminator
    from cargan_tf.training.step import TrainingStep

    config = config_of(size, way)
    if way == "authors":
        use_plain_layers()
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope():
        kind = AuthorsStep if way == "authors" else TrainingStep
        networks = new_cascade(config, LABELS), new_discriminator(config, LABELS)
        step = kind(config, *networks, strategy, steps_per_epoch=1000)
    batch = random_batch(config)
    timing = timed(lambda: [loss.numpy() for loss in step(batch).values()], repetitions)
    peak = peak_gib()
    use_plain_layers()
    counts = multiply_adds.of_networks(config, LABELS)
    of_step = multiply_adds.of_authors_step if way == "authors" else multiply_adds.of_step
    work = of_step(counts) * BATCH[size]
    return {
        "pictures_per_second": BATCH[size] / timing.seconds,
        "seconds": timing.seconds,
        "peak_gib": peak,
        "gmac_per_picture": of_step(counts) / 1e9,
        "product_gflops": timing.product_gflops,
        "share_of_product": timing.share(work),
    }


def random_batch(config: Config) -> dict[str, Any]:
    """Numbers of the right shapes."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    count, size = config.training.batch_size, config.data.image_size
    sound = (count, size, size, config.model.spectrogram_channels)
    arrays = {
        "spectrogram": random.uniform(-1, 1, sound),
        "label": np.eye(LABELS)[random.integers(0, LABELS, count)],
        "photo": random.uniform(-1, 1, (count, size, size, 3)),
    }
    return {name: tf.constant(array, tf.float32) for name, array in arrays.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--size", type=int, choices=BATCH, required=True)
    parser.add_argument("--way", choices=WAYS, default="ours")
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    report(measure(arguments.size, arguments.way, arguments.repetitions))
