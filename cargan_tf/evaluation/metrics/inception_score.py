"""IS: how sure a network is of each picture and how varied it finds all (Salimans et al. 2016)."""

from __future__ import annotations

from cargan_tf.evaluation.metrics.inputs import FEATURES, JUDGE, Material, Metric, NotMeasured
from cargan_tf.evaluation.metrics.tfgan import inception_score
from cargan_tf.evaluation.report import Figure, MetricInfo


def inception(material: Material, role: str) -> Figure:
    """IS from the classes of the network in that role."""
    looker = material.looker(role)
    logits = looker.pictures.logits
    if logits is None:
        raise NotMeasured(f"{looker.name} has no classes")
    return Figure(value=inception_score(logits), pictures=len(logits), network=looker.name)


METRICS = (
    Metric(
        MetricInfo(
            name="inception_score",
            title="IS",
            better="higher",
            share=False,
            meaning="From the feature network's classes. It never looks at a real photo, and"
            " ImageNet's classes are not the data's: compare it with the real photos' own.",
        ),
        lambda material: inception(material, FEATURES),
        role=FEATURES,
        of_real=True,
        of_few=False,
    ),
    Metric(
        MetricInfo(
            name="judge_inception_score",
            title="IS (judge)",
            better="higher",
            share=False,
            meaning="From the judge's classes, which are the data's: at most their number. One"
            " picture a class, always the same, reaches that.",
        ),
        lambda material: inception(material, JUDGE),
        role=JUDGE,
        of_real=True,
        of_few=False,
    ),
)
