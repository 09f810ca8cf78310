"""The fraction of images that a classifier of real photos assigns to the right label (Sec. 3)."""

from __future__ import annotations

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, fraction
from cargan_tf.evaluation.networks.feature_network import CLASSIFIER, EVALUATOR
from cargan_tf.evaluation.report import MetricInfo, MetricValue


def accuracy(inputs: MetricInputs, role: str) -> MetricValue:
    """Of one network, or the mean and standard deviation over those that answer together."""
    network = inputs.activations_of(role)
    hits = network.images.seen_by_each == inputs.classes
    return fraction(hits, chance=1 / len(inputs.labels), network=network.name)


METRICS = (
    Metric(
        MetricInfo(
            name="evaluator_accuracy",
            title="accuracy (evaluator)",
            better="higher",
            fraction=True,
            meaning="Fraction of images in which an independent evaluator sees the right label:"
            " mean and standard deviation over evaluators that differ in seed alone. The label is"
            " an input: a generator that ignores the sound can reach 1.",
        ),
        lambda inputs: accuracy(inputs, EVALUATOR),
        role=EVALUATOR,
        of_real=True,
    ),
    Metric(
        MetricInfo(
            name="classifier_accuracy",
            title="accuracy (C)",
            better="higher",
            fraction=True,
            meaning="The paper's accuracy, by C. C guided the generators, so it is circular.",
        ),
        lambda inputs: accuracy(inputs, CLASSIFIER),
        role=CLASSIFIER,
        of_real=True,
    ),
)
