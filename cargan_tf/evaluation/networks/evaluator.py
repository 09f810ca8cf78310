"""The independent evaluator: EfficientNet-Lite0 fine-tuned on a data set's real photos.

C guided the generators, so what C says of their images is circular. The evaluator has another
architecture, starts from other weights and never meets a generator. Its training photos are
shifted, blurred, tinted and noisy: otherwise it recognizes ImageNet's features by their grain, and
generated images, which are grainy, all look alike to it (docs/explanation/evaluation.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.config import Config, EvaluatorConfig
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches, training_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.efficientnet_lite0 import (
    FEATURE_SIZE,
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
from cargan_tf.training.classifiers.fitting import (
    fit_classifier,
    load_weights,
    read_report_file,
    save_weights,
)
from cargan_tf.training.image_augmentation import augment_photos
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

NAME = "evaluator"
#: Where it is kept, inside the data set it was trained on.
FOLDER = "evaluator"
WEIGHTS_FILE, REPORT_FILE = "evaluator.npz", "evaluator.json"


@dataclass(frozen=True)
class EvaluatorReport:
    """Accuracy and origin of an evaluator; stored next to its weights."""

    accuracy: float  # on held-out photos
    split: str  # which those were
    photos: int
    labels: tuple[str, ...]
    input_size: int
    config: dict[str, Any]  # the evaluator section
    data_hash: str  # of dataset.json


def train_evaluator(
    data: Path, config: Config, reporter: Reporter | None = None
) -> EvaluatorReport:
    """Fine-tune the evaluator on the training photos, measure it on held-out ones, and keep it.

    Args:
        data: a data set made by ``preprocess``; ``data/evaluator`` gets weights and report.
        config: the evaluator's section and the seed are used.
        reporter: receives progress.

    Raises:
        UserError: no data set, no held-out photos, ImageNet's weights are not installed, or fewer
            photos right than ``evaluator.minimum_accuracy`` (the evaluator is kept, but
            ``load_evaluator`` refuses it too).
    """
    reporter, settings = reporter or SilentReporter(), config.evaluator
    dataset = load_dataset(data)
    split = dataset.held_out_split
    if split is None:
        raise UserError(
            f"{data} has only a training split: an evaluator's accuracy must be measured on other"
            " photos. Preprocess data with a validation or test split."
        )
    keras.utils.set_random_seed(config.training.seed)
    size = settings.size_for(dataset.config.data.image_size)
    network = new_evaluator(len(dataset.labels))
    load_backbone(network.get_layer("backbone"), read_imagenet_weights())
    _fit(network, size, dataset, data, settings, config.training.seed, reporter)
    evaluator = _feature_network(network, size, None)
    correct_predictions = [
        evaluator(batch["photo"].numpy()).classes == np.argmax(batch["label"], axis=1)
        for batch in evaluation_batches(dataset, data, dataset.config, split, settings.batch_size)
    ]
    report = EvaluatorReport(
        accuracy=float(np.mean(np.concatenate(correct_predictions))),
        split=split,
        photos=sum(map(len, correct_predictions)),
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


def load_evaluator(data: Path) -> FeatureNetwork:
    """The evaluator in ``data/evaluator``: features, and logits of the data's labels.

    Raises:
        UserError: it is damaged, or right on fewer held-out photos than its
            ``evaluator.minimum_accuracy``.
    """
    report = read_report(data)
    if report is None:
        raise UserError(
            f"no evaluator of this data in {data / FOLDER}: cargan classifier --evaluator."
        )
    _check_accuracy(report, data / FOLDER)
    network = new_evaluator(len(report.labels))
    remedy = "train the evaluator again: cargan classifier --evaluator"
    load_weights(network, data / FOLDER / WEIGHTS_FILE, remedy)
    return _feature_network(network, report.input_size, report)


def read_report(data: Path) -> EvaluatorReport | None:
    """What was written of the evaluator of ``data``; ``None`` without one of this very data set.

    Raises:
        UserError: it is damaged.
    """
    file = data / FOLDER / REPORT_FILE
    try:
        report = read_report_file(file, EvaluatorReport)
        EvaluatorConfig.model_validate(report.config)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{file} is damaged; train the evaluator again: cargan classifier --evaluator."
        ) from error
    return report if report.data_hash == file_hash(data / DATASET_FILE) else None


def new_evaluator(label_count: int) -> keras.Model:
    """The network: pixels [B, H, W, 3], 0 to 255, to features [B, 1280] and logits [B, K]."""
    backbone = new_backbone()
    pixels = keras.Input((None, None, 3))
    features = backbone(pixels)
    logits = keras.layers.Dense(label_count, name="to_logits")(features)
    return keras.Model(pixels, [features, logits], name="evaluator")


def _fit(
    network: keras.Model,
    size: int,
    dataset: DatasetInfo,
    data: Path,
    settings: EvaluatorConfig,
    seed: int,
    reporter: Reporter,
) -> None:
    batch_size = min(settings.batch_size, dataset.records("train"))
    training = dataset.config.training.model_copy(update={"batch_size": batch_size})
    config = dataset.config.model_copy(update={"training": training})
    stream = training_batches(dataset, data, config, seed=seed)
    _, logits = network.outputs
    to_logits = keras.Model(network.inputs, logits)

    def activations(photo: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return to_input(augment_photos(photo, settings.noise, tf.stack([seed, number])), size)

    # Batch norm learns too: its ImageNet statistics are far from those of such images.
    with reporter.task("Judge", settings.steps) as task:
        fit_classifier(
            to_logits,
            stream,
            "photo",
            settings.learning_rate,
            settings.steps,
            dataset.steps_per_epoch(batch_size),
            task,
            activations,
        )


def _check_accuracy(report: EvaluatorReport, folder: Path) -> None:
    least = EvaluatorConfig.model_validate(report.config).minimum_accuracy
    if report.accuracy < least:
        raise UserError(
            f"the evaluator in {folder} has an accuracy of {report.accuracy:.3f} on the"
            f" {report.split}"
            f" photos, below evaluator.minimum_accuracy = {least}. Train it longer"
            " (cargan classifier --evaluator --set evaluator.steps=…)."
        )


def _feature_network(
    network: keras.Model, size: int, report: EvaluatorReport | None
) -> FeatureNetwork:
    info = NetworkInfo(
        name=NAME,
        description="EfficientNet-Lite0 with ImageNet weights, fine-tuned on the data's photos",
        weights_hash=weights_hash(network.variables),
        resize=resize_rule(size),
        features=FEATURE_SIZE,
        accuracy=None if report is None else report.accuracy,
    )

    def forward(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = network(pixels, training=False)
        return features, logits

    return FeatureNetwork(info, forward, size)
