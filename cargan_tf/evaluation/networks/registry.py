"""The networks of an evaluation by name and role: features, classifier, evaluator."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cargan_tf.config import ClassifierConfig, Config
from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.networks import efficientnet_lite0, inception_v3
from cargan_tf.evaluation.networks.evaluator import FOLDER as EVALUATOR_FOLDER
from cargan_tf.evaluation.networks.evaluator import (
    Evaluators,
    load_evaluators,
    read_report,
    train_evaluators,
)
from cargan_tf.evaluation.networks.feature_network import (
    CLASSIFIER,
    EVALUATOR,
    FEATURES,
    FeatureNetwork,
    ImageNetwork,
    resize_rule,
    weights_hash,
)
from cargan_tf.evaluation.report import NetworkInfo
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.classifier import Classifier
from cargan_tf.training.classifiers.train_classifier import FOLDER as CLASSIFIER_FOLDER
from cargan_tf.training.classifiers.train_classifier import load_classifier, new_classifier
from cargan_tf.training.classifiers.train_classifier import read_report as read_classifier_report
from cargan_tf.training.run import RunInfo
from cargan_tf.utils.progress import Reporter

NAME = "classifier"


NAMES = (efficientnet_lite0.NAME, inception_v3.NAME, NAME)


def classifier_network(
    classifier: Classifier, config: Config, accuracy: float | None
) -> FeatureNetwork:
    """C's features before its dense layer, and the data's own classes.

    Args:
        classifier: as it stands in the run.
        config: of the run; its images are what C was trained on.
        accuracy: of C on held-out photos, where it is known.
    """
    size = config.data.image_size
    info = NetworkInfo(
        name=NAME,
        description=f"C, a ResNet of blocks {list(config.classifier.blocks)} and width"
        f" {config.classifier.width}, trained on the data's photos; it guided the generators",
        weights_hash=weights_hash(classifier.variables),
        resize=resize_rule(size),
        features=classifier.to_logits.kernel.shape[0],
        accuracy=accuracy,
    )

    def forward(pixels: Any) -> tuple[Any, Any]:
        features = classifier.features(pixels / 127.5 - 1.0)
        return features, classifier.to_logits(features)

    return FeatureNetwork(info, forward, size)


def feature_network(name: str, of_run: FeatureNetwork | None) -> FeatureNetwork:
    """The network of that name.

    Args:
        name: one of ``NAMES``; ``inception=FILE`` takes the weights from a file.
        of_run: the run's C, if it has one.

    Raises:
        UserError: no such network, its weights cannot be loaded, or the run has no C.
    """
    kind, _, file = known_feature_network(name).partition("=")
    if kind == inception_v3.NAME:
        return inception_v3.inception(file or inception_v3.DOWNLOAD)
    if kind == efficientnet_lite0.NAME:
        return efficientnet_lite0.efficientnet_lite0()
    if of_run is None:
        raise UserError(
            "this run has no classifier to take features from: use --features"
            f" {efficientnet_lite0.NAME}."
        )
    return of_run


def known_feature_network(name: str) -> str:
    """``name`` itself; raises ``UserError`` where there is no such network."""
    kind = name.partition("=")[0]
    if name not in NAMES and kind != inception_v3.NAME:
        raise UserError(
            f"no feature network {name!r}.{did_you_mean(kind, NAMES)} There are {', '.join(NAMES)}"
            " and inception=FILE."
        )
    return name


@dataclass(frozen=True)
class Networks:
    """Those that there are, and why another one is not."""

    found: dict[str, ImageNetwork]
    missing: dict[str, str]


def find_networks(
    roles: Collection[str],
    features: str,
    generator: ImageGenerator,
    info: RunInfo,
    data: Path,
    config: Config,
    reporter: Reporter,
) -> Networks:
    """C always, where there is one; the others if they have a role to play.

    Args:
        roles: those that are asked for.
        features: name of the feature network.
        generator: the run's network; C may be inside it.
        info: of the run.
        data: the data set, which has the evaluators; where it has none yet, they are trained and
            kept.
        config: of the data set.
        reporter: receives a message about it.

    Raises:
        UserError: the feature network is unavailable.
    """
    networks = Networks({}, {})
    of_run = None
    try:
        networks.found[CLASSIFIER] = of_run = _classifier(generator, info, data)
    except UserError as error:
        networks.missing[CLASSIFIER] = str(error)
    if FEATURES in roles:
        networks.found[FEATURES] = feature_network(features, of_run)
    if EVALUATOR in roles:
        try:
            networks.found[EVALUATOR] = find_evaluators(data, config, reporter)
        except UserError as error:
            networks.missing[EVALUATOR] = str(error)
    return networks


def _classifier(generator: ImageGenerator, info: RunInfo, data: Path) -> FeatureNetwork:
    """The run's own C; of a run without one, the data set's."""
    if generator.classifier is not None:
        return classifier_network(generator.classifier, info.config, info.classifier_accuracy)
    report = read_classifier_report(data / CLASSIFIER_FOLDER)
    settings = ClassifierConfig.model_validate(report.config)
    config = info.config.model_copy(update={"classifier": settings})
    classifier = new_classifier(config, len(info.labels))
    load_classifier(data / CLASSIFIER_FOLDER, config, info.labels, into=classifier)
    return classifier_network(classifier, config, report.accuracy)


def find_evaluators(data: Path, config: Config, reporter: Reporter) -> Evaluators:
    """The data set's evaluators; where it has none yet, they are trained and kept."""
    if read_report(data) is None:
        reporter.message(
            f"No independent evaluators of this data yet: training {config.evaluator.count}, once,"
            f" into {data / EVALUATOR_FOLDER}"
        )
        train_evaluators(data, config, reporter)
    return load_evaluators(data)
