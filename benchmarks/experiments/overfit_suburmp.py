"""Can the networks learn at all? Overfit a handful of real Sub-URMP pairs at 128×128.

    python -m benchmarks.experiments.overfit_suburmp SAMPLE [--epochs 40] [--decay-epochs 20]
        [--width 64]

SAMPLE holds ``img/<label>/<key>.jpg`` and ``spectrogram/<label>/<key>.png``; the spectrogram PNGs
are turned back into log-mel. Batch 4 and the paper's losses and rate. Prints L1 in [-1, 1] on the
training photos by epoch: of the step (batch statistics, dropout) and in inference mode, by the
averaged weights where ``--set training.ema_steps=N`` asks for them.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.experiments.smooth_classifier import train_classifier
from cargan_tf.config import Config, load_config
from cargan_tf.data.images import read_photo
from cargan_tf.data.reference_spectrograms import read_jet_image
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.conditioning_metrics import mean_distance
from cargan_tf.training.ema import EMA
from cargan_tf.training.steps.cargan_step import CarganStep
from cargan_tf.training.validation import BatchGenerator
from cargan_tf.visualization.grids import sample_grid

SIZE = 128
STEPS_PER_EPOCH = 7  # 26 pairs by fours
PENALTY = 0.2  # of C's slope: with more, not every photo is named right


def main() -> None:
    """Train and print one line an epoch."""
    arguments = parse_arguments()
    config = load_config(
        "paper",
        [
            f"data.image_size={SIZE}",
            "training.batch_size=4",
            f"training.epochs={arguments.epochs}",
            f"training.decay_epochs={arguments.decay_epochs}",
            f"model.generator_width={arguments.width}",
            f"model.discriminator_width={arguments.discriminator_width}",
            "classifier.blocks=[1, 1, 1, 1]",
            "classifier.width=16",
            *arguments.overrides,
        ],
    )
    keras.utils.set_random_seed(config.training.seed)
    labels, pairs = read_pairs(arguments.sample)
    step = build(config, len(labels))
    print(f"{len(pairs['photo'])} pairs of {len(labels)} labels", flush=True)
    right, slope = train_classifier(
        step.cascade.classifier,
        pairs["photo"],
        pairs["label"],
        arguments.classifier_penalty,
        config.training.seed,
    )
    print(f"classifier: {right:.3f} of the photos named right, slope {slope:.2f}", flush=True)
    drawer = BatchGenerator(step.cascade, batch_size=4)
    average = None
    if config.training.ema_steps:
        average = EMA(step.cascade, config.training.ema_steps, step.strategy)
    began = time.perf_counter()
    for epoch in range(1, arguments.epochs + arguments.decay_epochs + 1):
        losses = []
        for batch in epoch_batches(pairs, config, epoch):
            losses.append(step(batch))
            if average is not None:
                average.update(int(step.step.numpy()))
        in_training = float(np.mean([loss["refined_l1"] for loss in losses]))
        with nullcontext() if average is None else average.in_place():
            coarse, refined = drawer(pairs["spectrogram"], pairs["label"])
        figures = {
            "epoch": epoch,
            "step": int(step.step.numpy()),
            "l1_in_training": round(in_training, 4),
            "l1_coarse": round(mean_distance(coarse, pairs["photo"]), 4),
            "l1_refined": round(mean_distance(refined, pairs["photo"]), 4),
            "seconds": round(time.perf_counter() - began, 1),
        }
        print(json.dumps(figures), flush=True)
    if arguments.grid:
        rows = [(2 * index, 2 * index + 1) for index in range(len(labels))]
        arrays = (pairs["spectrogram"], coarse, refined, pairs["photo"])
        sample_grid(rows, labels, *arrays).save(arguments.grid)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("sample", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--decay-epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--discriminator-width", type=int, default=64)
    parser.add_argument(
        "--classifier-penalty",
        type=float,
        default=PENALTY,
        help="weight of the squared slope of C's logits in its training",
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--grid", type=Path, help="write the images of the last epoch here")
    return parser.parse_args()


def read_pairs(sample: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """All pairs as arrays, sorted by label: spectrogram, photo and one-hot label."""
    photos = sorted((sample / "img").glob("*/*.jpg"))
    labels = sorted({photo.parent.name for photo in photos})
    log_mels = [
        read_jet_image(sample / "spectrogram" / f.parent.name / f"{f.stem}.png") for f in photos
    ]
    spectrogram = tf.image.resize(2.0 * np.stack(log_mels)[..., None] - 1.0, (SIZE, SIZE))
    return labels, {
        "spectrogram": spectrogram.numpy(),
        "photo": np.stack([read_photo(file, SIZE) for file in photos]) / np.float32(127.5) - 1.0,
        "label": np.eye(len(labels), dtype=np.float32)[
            [labels.index(photo.parent.name) for photo in photos]
        ],
    }


def build(config: Config, label_count: int) -> CarganStep:
    """Fresh networks on one device."""
    cascade = new_cascade(config, label_count)
    discriminator = new_discriminator(config, label_count)
    return CarganStep(config, cascade, discriminator, tf.distribute.get_strategy(), STEPS_PER_EPOCH)


def epoch_batches(
    pairs: dict[str, np.ndarray], config: Config, epoch: int
) -> list[dict[str, tf.Tensor]]:
    """Every pair once, the last batch filled up with pairs of the first."""
    batch = config.training.batch_size
    order = np.random.default_rng([config.training.seed, epoch]).permutation(len(pairs["photo"]))
    order = np.resize(order, -(-len(order) // batch) * batch)
    return [
        {name: tf.constant(array[part]) for name, array in pairs.items()}
        for part in order.reshape(-1, batch)
    ]


if __name__ == "__main__":
    main()
