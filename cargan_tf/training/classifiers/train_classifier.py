"""Training C on real photos, and knowing whether it is good enough to guide the generators."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import ClassifierConfig, Config
from cargan_tf.data.dataset import DatasetInfo, check_fits, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches, training_batches
from cargan_tf.errors import UserError
from cargan_tf.interop.weight_mapping import load_torchvision
from cargan_tf.models.classifier import Classifier
from cargan_tf.training.classifiers.fitting import (
    correct_predictions,
    fit_classifier,
    load_weights,
    read_report_file,
    save_weights,
)
from cargan_tf.training.image_augmentation import augment_photos
from cargan_tf.utils.arrays import ImageSize, height_width
from cargan_tf.utils.files import write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

#: Where `cargan classifier` puts C, inside the data set it was trained on.
FOLDER = "classifier"


@dataclass(frozen=True)
class ClassifierReport:
    """How good C is, and what it was trained as; written beside its weights."""

    accuracy: float  # on held-out photos
    split: str  # which photos those were
    photos: int
    labels: tuple[str, ...]
    image_size: ImageSize
    config: dict[str, Any]  # the classifier section


def train_classifier(
    data: Path, config: Config, out: Path | None = None, reporter: Reporter | None = None
) -> ClassifierReport:
    """Train C on the training split's photos, measure it on held-out ones, and save both.

    Args:
        data: a data set made by ``preprocess``.
        config: the classifier's section, the seed and the image size are used.
        out: folder for weights and report; ``data/classifier`` by default.
        reporter: receives progress.

    Raises:
        UserError: no held-out photos, or fewer right than ``classifier.minimum_accuracy`` (the
            weights are kept, but ``load_classifier`` refuses them too).
    """
    reporter = reporter or SilentReporter()
    out = out or data / FOLDER
    dataset = load_dataset(data)
    check_fits(dataset, config)
    split = dataset.held_out_split
    if split is None:
        raise UserError(
            f"{data} has only a training split: C's accuracy must be measured on other photos."
            " Preprocess data with a validation or test split."
        )
    keras.utils.set_random_seed(config.training.seed)
    network = new_classifier(config, len(dataset.labels))
    weights = config.classifier.weights
    if weights.endswith(".pth"):
        load_torchvision(network, Path(weights))
    elif weights != "none":
        network.load_imagenet(weights)
    _fit(network, dataset, data, config, reporter)
    held_out = evaluation_batches(dataset, data, config, split, config.classifier.batch_size)
    right = correct_predictions(network, held_out, "photo")
    report = ClassifierReport(
        accuracy=float(right.mean()),
        split=split,
        photos=len(right),
        labels=tuple(dataset.labels),
        image_size=config.data.image_size,
        config=config.classifier.model_dump(mode="json"),
    )
    save_weights(network, _weights_file(out))
    write_json(_report_file(out), asdict(report))
    _check_accuracy(report, config, out)
    return report


def has_classifier(data: Path, config: Config) -> bool:
    """Whether the data set has a C that was trained as configured and is good enough."""
    try:
        report = read_report(data / FOLDER)
    except UserError:
        return False
    settings = config.classifier
    trained_so = report.config == settings.model_dump(mode="json")
    return trained_so and report.accuracy >= settings.minimum_accuracy


def load_classifier(
    folder: Path, config: Config, labels: tuple[str, ...], into: Classifier
) -> ClassifierReport:
    """Put the weights that ``train_classifier`` saved into a built network.

    Raises:
        UserError: there are none, they were trained for other labels, another image size or
            another network, or they are too weak for ``classifier.minimum_accuracy``.
    """
    report = read_report(folder)
    if report.labels != labels:
        raise UserError(
            f"the classifier in {folder} knows the labels {', '.join(report.labels)}; the data has"
            f" {', '.join(labels)}. Train one on this data: cargan classifier."
        )
    trained = ClassifierConfig.model_validate(report.config)
    ours = config.classifier
    shape, wanted = (
        (size, network.blocks, network.width, network.resnet_variant, network.preprocessing)
        for size, network in ((report.image_size, trained), (config.data.image_size, ours))
    )
    if shape != wanted:
        raise UserError(
            f"the classifier in {folder} has image size, blocks and width, resnet_variant and"
            f" preprocessing {shape}; this run needs {wanted}. Train one with the run's"
            " configuration: cargan classifier --config."
        )
    _check_accuracy(report, config, folder)
    load_weights(into, _weights_file(folder), "train the classifier again")
    return report


def read_report(folder: Path) -> ClassifierReport:
    """What ``train_classifier`` wrote of C.

    Raises:
        UserError: there is none, or it is damaged.
    """
    try:
        report = read_report_file(_report_file(folder), ClassifierReport)
        ClassifierConfig.model_validate(report.config)
    except FileNotFoundError as error:
        raise UserError(
            f"no classifier in {folder}. Train one first: cargan classifier {folder.parent}"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{_report_file(folder)} is damaged; train the classifier again."
        ) from error
    return report


def new_classifier(config: Config, label_count: int) -> Classifier:
    """C with built weights."""
    network = Classifier(config.classifier, label_count, name="classifier")
    network(tf.zeros([1, *height_width(config.data.image_size), 3]))
    return network


def _fit(
    network: Classifier, dataset: DatasetInfo, data: Path, config: Config, reporter: Reporter
) -> None:
    settings = config.classifier
    batch_size = min(settings.batch_size, dataset.records("train"))
    training = config.training.model_copy(update={"batch_size": batch_size})
    batched = config.model_copy(update={"training": training})
    epoch = dataset.steps_per_epoch(batch_size)
    steps = settings.epochs * epoch
    seed = config.training.seed
    stream = training_batches(dataset, data, batched, seed=seed)

    def augment(photo: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return augment_photos(photo, settings.noise, tf.stack([seed, number]))

    with reporter.task("Classifier", steps) as task:
        fit_classifier(
            network,
            stream,
            "photo",
            settings.learning_rate,
            steps,
            epoch,
            task,
            augment if settings.noise else None,
        )


def _check_accuracy(report: ClassifierReport, config: Config, folder: Path) -> None:
    least = config.classifier.minimum_accuracy
    if report.accuracy < least:
        raise UserError(
            f"the classifier in {folder} has accuracy {report.accuracy:.3f} on the {report.split}"
            f" photos, below classifier.minimum_accuracy = {least}: it cannot guide the generators."
            " Train it longer (--set classifier.epochs=…), or lower the minimum"
            " (--set classifier.minimum_accuracy=…)."
        )


def _weights_file(folder: Path) -> Path:
    return folder / "classifier.npz"


def _report_file(folder: Path) -> Path:
    return folder / "classifier.json"
