"""The independent evaluators: EfficientNet-Lite0 fine-tuned on a data set's real photos.

C guided the generators, so what C says of their images is circular. The evaluators have another
architecture, start from other weights and never meet a generator. Their training photos are
shifted, blurred, tinted and noisy: otherwise they recognize ImageNet's features by their grain, and
generated images, which are grainy, all look alike to them (docs/explanation/evaluation.md).

One evaluator's verdict on images that are not photos depends on its seed. So there are several,
each with its own seed of photo order, augmentation and last layer, none of them C's.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

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
    Activations,
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
from cargan_tf.utils.arrays import FloatArray
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter, Task

NAME = "evaluator"
#: Where they are kept, inside the data set they were trained on.
FOLDER = "evaluators"
REPORT_FILE = "evaluators.json"
_COMMAND: Final = "cargan classifier --evaluator"
#: Makes the seeds of the evaluators others than C's and the generators'.
_SEED_KEY: Final = zlib.crc32(b"evaluator")


@dataclass(frozen=True)
class EvaluatorReport:
    """Accuracies and origin of the evaluators; stored next to their weights."""

    accuracies: tuple[float, ...]  # of each on held-out photos
    seeds: tuple[int, ...]  # of each
    split: str  # which those were
    photos: int
    labels: tuple[str, ...]
    input_size: int
    config: dict[str, Any]  # the evaluator section
    data_hash: str  # of dataset.json

    @property
    def accuracy(self) -> float:
        """Their mean accuracy on held-out photos."""
        return float(np.mean(self.accuracies))


def train_evaluators(
    data: Path, config: Config, reporter: Reporter | None = None
) -> EvaluatorReport:
    """Fine-tune the evaluators on the training photos, measure and keep them.

    Args:
        data: a data set made by ``preprocess``; ``data/evaluators`` gets weights and report.
        config: the evaluator's section and the seed are used.
        reporter: receives progress.

    Raises:
        UserError: no data set, no held-out photos, ImageNet's weights are not installed, or one of
            them recognizes fewer photos than ``evaluator.minimum_accuracy`` (they are kept, but
            ``load_evaluators`` refuses them too).
    """
    reporter, settings = reporter or SilentReporter(), config.evaluator
    dataset = load_dataset(data)
    split = dataset.held_out_split
    if split is None:
        raise UserError(
            f"{data} has only a training split: an evaluator's accuracy must be measured on other"
            " photos. Preprocess data with a validation or test split."
        )
    size = settings.size_for(dataset.config.data.image_size)
    imagenet = read_imagenet_weights()
    seeds = evaluator_seeds(config.training.seed, settings.count)
    accuracies = []
    for number, seed in enumerate(seeds, 1):
        keras.utils.set_random_seed(seed)
        network = new_evaluator(len(dataset.labels))
        load_backbone(network.get_layer("backbone"), imagenet)
        with reporter.task(f"Evaluator {number} of {settings.count}", settings.steps) as task:
            _fit(network, size, dataset, data, settings, seed, task)
        save_weights(network, weights_file(data, seed))
        evaluator = _feature_network(network, size)
        held_out = evaluation_batches(dataset, data, dataset.config, split, settings.batch_size)
        correct = [
            evaluator(batch["photo"].numpy()).classes == np.argmax(batch["label"], axis=1)
            for batch in held_out
        ]
        accuracies.append(float(np.mean(np.concatenate(correct))))
    report = EvaluatorReport(
        accuracies=tuple(accuracies),
        seeds=seeds,
        split=split,
        photos=dataset.records(split),
        labels=dataset.labels,
        input_size=size,
        config=settings.model_dump(mode="json"),
        data_hash=file_hash(data / DATASET_FILE),
    )
    write_json(data / FOLDER / REPORT_FILE, asdict(report))
    _check_accuracy(report, data / FOLDER)
    return report


def evaluator_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Seeds of ``count`` evaluators of a configuration's ``seed``: fixed, and all different."""
    sequences = np.random.SeedSequence([seed, _SEED_KEY]).spawn(count)
    return tuple(int(one.generate_state(1)[0] >> 1) for one in sequences)  # below 2**31


def weights_file(data: Path, seed: int) -> Path:
    """Where the weights of the evaluator with that seed are."""
    return data / FOLDER / f"seed-{seed}.npz"


class Evaluators:
    """Several evaluators that answer together; called as a ``FeatureNetwork`` is."""

    def __init__(self, networks: Sequence[FeatureNetwork], info: NetworkInfo) -> None:
        self.info = info
        self._networks = tuple(networks)

    def __call__(self, images: FloatArray) -> Activations:
        """The features of the first, the log of the mean probability, and each one's logits."""
        seen = [network(images) for network in self._networks]
        members = np.stack([one.logits for one in seen if one.logits is not None])
        log_probabilities = members - logsumexp(members, axis=2, keepdims=True)
        together = logsumexp(log_probabilities, axis=0) - np.log(len(members))
        return Activations(seen[0].features, together.astype(np.float32), members)


def load_evaluators(data: Path) -> Evaluators:
    """Those in ``data/evaluators``: features, and logits of the data's labels.

    Raises:
        UserError: there are none, one is damaged, or right on fewer held-out photos than its
            ``evaluator.minimum_accuracy``.
    """
    report = read_report(data)
    if report is None:
        raise UserError(f"no evaluators of this data in {data / FOLDER}: {_COMMAND}.")
    _check_accuracy(report, data / FOLDER)
    networks, digest = [], hashlib.sha256()
    for seed in report.seeds:
        network = new_evaluator(len(report.labels))
        load_weights(network, weights_file(data, seed), f"train the evaluators again: {_COMMAND}")
        digest.update(weights_hash(network.variables).encode())
        networks.append(_feature_network(network, report.input_size))
    info = NetworkInfo(
        name=NAME,
        description=f"{len(networks)} × EfficientNet-Lite0 with ImageNet weights, fine-tuned on"
        " the data's photos",
        weights_hash=digest.hexdigest(),
        resize=resize_rule(report.input_size),
        features=FEATURE_SIZE,
        accuracy=report.accuracy,
    )
    return Evaluators(networks, info)


def read_report(data: Path) -> EvaluatorReport | None:
    """What was written of the evaluators of ``data``; ``None`` without any of this very data set.

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
        raise UserError(f"{file} is damaged; train the evaluators again: {_COMMAND}.") from error
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
    task: Task,
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
    if min(report.accuracies) < least:
        raise UserError(
            f"the weakest evaluator in {folder} has an accuracy of {min(report.accuracies):.3f} on"
            f" the {report.split} photos, below evaluator.minimum_accuracy = {least}. Train them"
            f" longer ({_COMMAND} --set evaluator.steps=…)."
        )


def _feature_network(network: keras.Model, size: int) -> FeatureNetwork:
    info = NetworkInfo(
        name=NAME,
        description="EfficientNet-Lite0 with ImageNet weights, fine-tuned on the data's photos",
        weights_hash=weights_hash(network.variables),
        resize=resize_rule(size),
        features=FEATURE_SIZE,
    )

    def forward(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = network(pixels, training=False)
        return features, logits

    return FeatureNetwork(info, forward, size)
