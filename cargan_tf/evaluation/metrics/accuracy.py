"""The share of pictures in which a classifier of real photos sees the right label (Sec. 3)."""

from __future__ import annotations

from dataclasses import replace

from cargan_tf.evaluation.metrics.inputs import CLASSIFIER, JUDGE, Material, Metric, share
from cargan_tf.evaluation.report import Figure, MetricInfo


def accuracy(material: Material, role: str) -> Figure:
    """Overall and by class; a class without pictures is left out."""
    looker = material.looker(role)
    hits = looker.pictures.classes == material.classes
    by_class = {
        name: share(hits[material.classes == label], network=looker.name)
        for label, name in enumerate(material.labels)
        if (material.classes == label).any()
    }
    whole = share(hits, chance=1 / len(material.labels), network=looker.name)
    return replace(whole, by_class=by_class)


METRICS = (
    Metric(
        MetricInfo(
            name="judge_accuracy",
            title="accuracy (judge)",
            better="higher",
            share=True,
            meaning="Share of pictures in which the independent judge sees the right label. The"
            " label is an input: a generator deaf to the sound can have all of it.",
        ),
        lambda material: accuracy(material, JUDGE),
        role=JUDGE,
        of_real=True,
    ),
    Metric(
        MetricInfo(
            name="classifier_accuracy",
            title="accuracy (C)",
            better="higher",
            share=True,
            meaning="The paper's accuracy, judged by C. C guided the generators, so it is"
            " circular.",
        ),
        lambda material: accuracy(material, CLASSIFIER),
        role=CLASSIFIER,
        of_real=True,
    ),
)
