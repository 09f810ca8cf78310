"""How far the picture moves when the sound changes under its label, and when the label does."""

from __future__ import annotations

from cargan_tf.evaluation.metrics.inputs import Floats, Material, Metric, NotMeasured
from cargan_tf.evaluation.report import Figure, MetricInfo
from cargan_tf.training.conditioning_metrics import mean_distance


def movement(material: Material, moved: Floats | None) -> Figure:
    """Mean |difference| between the pictures and those of other sounds or labels."""
    if moved is None:
        raise NotMeasured("nothing was drawn with other sounds and labels")
    return Figure(value=mean_distance(material.pictures, moved), pictures=len(material))


def ratio(material: Material) -> Figure:
    """Movement by sound over movement by label."""
    by_sound = movement(material, material.other_sound).value
    by_label = movement(material, material.other_label).value
    if by_label == 0:
        raise NotMeasured("other labels do not move the pictures at all")
    return Figure(value=by_sound / by_label, pictures=len(material))


METRICS = (
    Metric(
        MetricInfo(
            name="sound_movement",
            title="moved by sound",
            better="neither",
            share=False,
            meaning="Mean |change| of the picture in [-1, 1] when sounds are exchanged within the"
            " class; 0 for a deaf generator. Noise moves pictures too: see R@1.",
        ),
        lambda material: movement(material, material.other_sound),
        of_moved=True,
    ),
    Metric(
        MetricInfo(
            name="label_movement",
            title="moved by label",
            better="neither",
            share=False,
            meaning="The same when labels are exchanged.",
        ),
        lambda material: movement(material, material.other_label),
        of_moved=True,
    ),
    Metric(
        MetricInfo(
            name="movement_ratio",
            title="sound / label",
            better="neither",
            share=False,
            meaning="Movement by sound over movement by label: how much of what is heard counts"
            " beside what is told.",
        ),
        ratio,
        of_moved=True,
    ),
)
