"""The networks that look at an evaluation's pictures, by their role."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.config import ClassifierConfig, Config
from cargan_tf.errors import UserError
from cargan_tf.evaluation.features.classifier import classifier_network
from cargan_tf.evaluation.features.network import FeatureNetwork
from cargan_tf.evaluation.features.registry import feature_network
from cargan_tf.evaluation.judge import FOLDER as JUDGE_FOLDER
from cargan_tf.evaluation.judge import load_judge, read_report, train_judge
from cargan_tf.evaluation.metrics.material import CLASSIFIER, FEATURES, JUDGE
from cargan_tf.models.drawing import DrawingNetwork
from cargan_tf.progress import Reporter
from cargan_tf.training.classifier import FOLDER as CLASSIFIER_FOLDER
from cargan_tf.training.classifier import load_classifier, new_classifier
from cargan_tf.training.classifier import read_report as read_classifier_report
from cargan_tf.training.run import RunInfo


@dataclass(frozen=True)
class Networks:
    """Those that there are, and why another one is not."""

    found: dict[str, FeatureNetwork]
    missing: dict[str, str]


def find_networks(
    roles: Collection[str],
    features: str,
    drawing: DrawingNetwork,
    info: RunInfo,
    data: Path,
    config: Config,
    reporter: Reporter,
) -> Networks:
    """C always, where there is one; the others if they have a role to play.

    Args:
        roles: those that are asked for.
        features: name of the feature network.
        drawing: the run's; C may be inside it.
        info: of the run.
        data: the data set, which has the judge; where it has none yet, one is trained and kept.
        config: of the data set.
        reporter: told of that.

    Raises:
        UserError: the feature network cannot be had.
    """
    networks = Networks({}, {})
    try:
        networks.found[CLASSIFIER] = _classifier(drawing, info, data)
    except UserError as error:
        networks.missing[CLASSIFIER] = str(error)
    if FEATURES in roles:
        networks.found[FEATURES] = feature_network(features, networks.found.get(CLASSIFIER))
    if JUDGE in roles:
        try:
            networks.found[JUDGE] = _judge(data, config, reporter)
        except UserError as error:
            networks.missing[JUDGE] = str(error)
    return networks


def _classifier(drawing: DrawingNetwork, info: RunInfo, data: Path) -> FeatureNetwork:
    """The run's own C; of a run that draws without one, the data set's."""
    if drawing.classifier is not None:
        return classifier_network(drawing.classifier, info.config, info.classifier_accuracy)
    report = read_classifier_report(data / CLASSIFIER_FOLDER)
    settings = ClassifierConfig.model_validate(report.config)
    config = info.config.model_copy(update={"classifier": settings})
    classifier = new_classifier(config, len(info.labels))
    load_classifier(data / CLASSIFIER_FOLDER, config, info.labels, into=classifier)
    return classifier_network(classifier, config, report.accuracy)


def _judge(data: Path, config: Config, reporter: Reporter) -> FeatureNetwork:
    if read_report(data) is None:
        reporter.message(
            f"No independent judge of this data yet: training one, once, into {data / JUDGE_FOLDER}"
        )
        train_judge(data, config, reporter)
    return load_judge(data)
