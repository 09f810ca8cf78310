"""The independent judge: EfficientNet-Lite0 fine-tuned on a data set's real photos.

C guided the generators, so what C says of their pictures is circular. The judge is of another
architecture, starts from other weights and never meets a generator. Photos are shifted, blurred,
tinted and strewn with noise while it learns: without, ImageNet's features judge by grain, and
generated pictures, which are grainy, all look alike to it (docs/explanation/evaluation.md has the figures).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.config import Config, JudgeConfig
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches, training_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.efficientnet_lite0 import (
    FEATURES,
    load_backbone,
    new_backbone,
    read_imagenet_weights,
)
from cargan_tf.evaluation.networks.feature_network import (
    FeatureNetwork,
    resize_rule,
    to_input,
    weights_hash,
)
from cargan_tf.evaluation.report import NetworkInfo
from cargan_tf.training.classifiers.fitting import fit, load_weights, read_report_file, save_weights
from cargan_tf.training.image_augmentation import strewn
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

NAME = "judge"
#: Where it is kept, inside the data set it was trained on.
FOLDER = "judge"
WEIGHTS_FILE, REPORT_FILE = "judge.npz", "judge.json"


@dataclass(frozen=True)
class JudgeReport:
    """How good a judge is, and what it was made from; written beside its weights."""

    accuracy: float  # on held-out photos
    split: str  # which those were
    photos: int
    labels: tuple[str, ...]
    input_size: int
    config: dict[str, Any]  # the judge section
    data_hash: str  # of dataset.json


def train_judge(data: Path, config: Config, reporter: Reporter | None = None) -> JudgeReport:
    """Fine-tune the judge on the training photos, measure it on held-out ones, and keep it.

    Args:
        data: a data set made by ``preprocess``; ``data/judge`` gets weights and report.
        config: the judge's section and the seed are used.
        reporter: told of each step.

    Raises:
        UserError: no data set, no held-out photos, ImageNet's weights are not installed, or fewer
            photos right than ``judge.minimum_accuracy`` (the judge is kept, but
            ``load_judge`` refuses it too).
    """
    reporter, settings = reporter or SilentReporter(), config.judge
    dataset = load_dataset(data)
    split = dataset.held_out_split
    if split is None:
        raise UserError(
            f"{data} has only a training split: a judge's accuracy must be measured on other"
            " photos. Preprocess data with a validation or test split."
        )
    keras.utils.set_random_seed(config.training.seed)
    size = settings.size_for(dataset.config.data.image_size)
    network = new_judge(len(dataset.labels))
    load_backbone(network.get_layer("backbone"), read_imagenet_weights())
    _fit(network, size, dataset, data, settings, config.training.seed, reporter)
    judge = _feature_network(network, size, None)
    hits = [
        judge(batch["photo"].numpy()).classes == np.argmax(batch["label"], axis=1)
        for batch in evaluation_batches(dataset, data, dataset.config, split, settings.batch_size)
    ]
    report = JudgeReport(
        accuracy=float(np.mean(np.concatenate(hits))),
        split=split,
        photos=sum(map(len, hits)),
        labels=dataset.labels,
        input_size=size,
        config=settings.model_dump(mode="json"),
        data_hash=file_hash(data / DATASET_FILE),
    )
    folder = data / FOLDER
    save_weights(network, folder / WEIGHTS_FILE)
    write_json(folder / REPORT_FILE, asdict(report))
    _check_accuracy(report, folder)
    return report


def load_judge(data: Path) -> FeatureNetwork:
    """The judge in ``data/judge``: features, and logits of the data's labels.

    Raises:
        UserError: it is damaged, or right on fewer held-out photos than its
            ``judge.minimum_accuracy``.
    """
    report = read_report(data)
    if report is None:
        raise UserError(f"no judge of this data in {data / FOLDER}: cargan classifier --judge.")
    _check_accuracy(report, data / FOLDER)
    network = new_judge(len(report.labels))
    remedy = "train the judge again: cargan classifier --judge"
    load_weights(network, data / FOLDER / WEIGHTS_FILE, remedy)
    return _feature_network(network, report.input_size, report)


def read_report(data: Path) -> JudgeReport | None:
    """What was written of the judge of ``data``; ``None`` without one of this very data set.

    Raises:
        UserError: it is damaged.
    """
    file = data / FOLDER / REPORT_FILE
    try:
        report = read_report_file(file, JudgeReport)
        JudgeConfig.model_validate(report.config)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{file} is damaged; train the judge again: cargan classifier --judge."
        ) from error
    return report if report.data_hash == file_hash(data / DATASET_FILE) else None


def new_judge(label_count: int) -> keras.Model:
    """The network: pixels [B, H, W, 3], 0 to 255, to features [B, 1280] and logits [B, K]."""
    backbone = new_backbone()
    pixels = keras.Input((None, None, 3))
    features = backbone(pixels)
    logits = keras.layers.Dense(label_count, name="to_logits")(features)
    return keras.Model(pixels, [features, logits], name="judge")


def _fit(
    network: keras.Model,
    size: int,
    dataset: DatasetInfo,
    data: Path,
    settings: JudgeConfig,
    seed: int,
    reporter: Reporter,
) -> None:
    batch_size = min(settings.batch_size, dataset.records("train"))
    training = dataset.config.training.model_copy(update={"batch_size": batch_size})
    config = dataset.config.model_copy(update={"training": training})
    stream = training_batches(dataset, data, config, seed=seed)
    _, logits = network.outputs
    to_logits = keras.Model(network.inputs, logits)

    def seen(photo: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return to_input(strewn(photo, settings.noise, tf.stack([seed, number])), size)

    # Batch norm learns too: its ImageNet statistics are far from those of such pictures.
    with reporter.task("Judge", settings.steps) as task:
        fit(
            to_logits,
            stream,
            "photo",
            settings.learning_rate,
            settings.steps,
            dataset.steps_per_epoch(batch_size),
            task,
            seen,
        )


def _check_accuracy(report: JudgeReport, folder: Path) -> None:
    least = JudgeConfig.model_validate(report.config).minimum_accuracy
    if report.accuracy < least:
        raise UserError(
            f"the judge in {folder} names {report.accuracy:.3f} of the {report.split} photos right,"
            f" under judge.minimum_accuracy = {least}: it cannot judge others. Train it longer"
            " (cargan classifier --judge --set judge.steps=…)."
        )


def _feature_network(network: keras.Model, size: int, report: JudgeReport | None) -> FeatureNetwork:
    info = NetworkInfo(
        name=NAME,
        what="EfficientNet-Lite0, started from ImageNet weights, fine-tuned on the data's photos",
        weights_hash=weights_hash(network.variables),
        resize=resize_rule(size),
        features=FEATURES,
        accuracy=None if report is None else report.accuracy,
    )

    def look(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = network(pixels, training=False)
        return features, logits

    return FeatureNetwork(info, look, size)
