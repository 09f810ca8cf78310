"""IS: how sure a network is of each image and how varied it finds all (Salimans et al. 2016)."""

from __future__ import annotations

import numpy as np

from cargan_tf.evaluation.metrics import tfgan
from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured
from cargan_tf.evaluation.networks.feature_network import EVALUATOR, FEATURES
from cargan_tf.evaluation.report import MetricInfo, MetricValue


def inception_score(inputs: MetricInputs, role: str) -> MetricValue:
    """IS from the classes of the network in that role; of several, mean and standard deviation."""
    network = inputs.activations_of(role)
    logits = network.images.logits
    if logits is None:
        raise NotMeasured(f"{network.name} has no classes")
    members = [logits] if network.images.members is None else list(network.images.members)
    scores = [tfgan.inception_score(one) for one in members]
    several = len(scores) > 1
    return MetricValue(
        value=float(np.mean(scores)),
        images=len(logits),
        by_network=tuple(scores) if several else None,
        std=float(np.std(scores, ddof=1)) if several else None,
        network=network.name,
    )


METRICS = (
    Metric(
        MetricInfo(
            name="inception_score",
            title="IS",
            better="higher",
            fraction=False,
            meaning="From the feature network's classes. It never looks at a real photo, and"
            " ImageNet's classes are not the data's: compare it with the real photos' own.",
        ),
        lambda inputs: inception_score(inputs, FEATURES),
        role=FEATURES,
        of_real=True,
        of_few=False,
        by_class=False,
    ),
    Metric(
        MetricInfo(
            name="evaluator_inception_score",
            title="IS (evaluator)",
            better="higher",
            fraction=False,
            meaning="From the evaluator's classes, which are the data's: at most their number. One"
            " image a class, always the same, reaches that.",
        ),
        lambda inputs: inception_score(inputs, EVALUATOR),
        role=EVALUATOR,
        of_real=True,
        of_few=False,
        by_class=False,
    ),
)
