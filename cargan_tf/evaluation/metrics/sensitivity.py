"""How far the image moves when the sound changes under its label, and when the label does."""

from __future__ import annotations

from cargan_tf.evaluation.metrics.inputs import Metric, MetricInputs, NotMeasured
from cargan_tf.evaluation.report import MetricInfo, MetricValue
from cargan_tf.training.conditioning_metrics import mean_distance
from cargan_tf.utils.arrays import FloatArray


def sensitivity(inputs: MetricInputs, moved: FloatArray | None) -> MetricValue:
    """Mean |difference| between the images and those of other sounds or labels."""
    if moved is None:
        raise NotMeasured("no images were generated with other sounds and labels")
    return MetricValue(value=mean_distance(inputs.images, moved), images=len(inputs))


def ratio(inputs: MetricInputs) -> MetricValue:
    """Movement by sound over movement by label."""
    by_sound = sensitivity(inputs, inputs.other_sound).value
    by_label = sensitivity(inputs, inputs.other_label).value
    if by_label == 0:
        raise NotMeasured("other labels do not move the images at all")
    return MetricValue(value=by_sound / by_label, images=len(inputs))


METRICS = (
    Metric(
        MetricInfo(
            name="sound_sensitivity",
            title="moved by sound",
            better="neither",
            fraction=False,
            meaning="Mean |change| of the image in [-1, 1] when sounds are shuffled within the"
            " class; 0 for a generator that ignores the sound. Noise changes images too: see R@1.",
        ),
        lambda inputs: sensitivity(inputs, inputs.other_sound),
        of_moved=True,
    ),
    Metric(
        MetricInfo(
            name="label_sensitivity",
            title="moved by label",
            better="neither",
            fraction=False,
            meaning="The same when labels are shuffled.",
        ),
        lambda inputs: sensitivity(inputs, inputs.other_label),
        of_moved=True,
    ),
    Metric(
        MetricInfo(
            name="movement_ratio",
            title="sound / label",
            better="neither",
            fraction=False,
            meaning="Movement by sound over movement by label: how much of what is heard counts"
            " beside what is told.",
        ),
        ratio,
        of_moved=True,
    ),
)
