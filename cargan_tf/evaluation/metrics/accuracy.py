"""The fraction of images that a classifier of real photos assigns to the right label (Sec. 3)."""

from __future__ import annotations

from dataclasses import replace

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, fraction
from cargan_tf.evaluation.networks.feature_network import CLASSIFIER, EVALUATOR
from cargan_tf.evaluation.report import MetricInfo, MetricValue


def accuracy(inputs: MetricInputs, role: str) -> MetricValue:
    """Overall and by class; a class without images is omitted."""
    activations_of = inputs.activations_of(role)
    hits = activations_of.images.classes == inputs.classes
    by_class = {
        name: fraction(hits[inputs.classes == label], network=activations_of.name)
        for label, name in enumerate(inputs.labels)
        if (inputs.classes == label).any()
    }
    whole = fraction(hits, chance=1 / len(inputs.labels), network=activations_of.name)
    return replace(whole, by_class=by_class)


METRICS = (
    Metric(
        MetricInfo(
            name="evaluator_accuracy",
            title="accuracy (evaluator)",
            better="higher",
            fraction=True,
            meaning="Share of images in which the independent evaluator sees the right label. The"
            " label is an input: a generator that ignores the sound can reach 1.",
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
