from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import Metric, NotMeasured
from cargan_tf.evaluation.networks.feature_network import EVALUATOR
from cargan_tf.evaluation.report import REAL, REFINED, MetricInfo, MetricValue

CLASSES = (0, 0, 1, 1, 1, 2)
INFO = MetricInfo("any", "any", "higher", True, "Any.")
LOGITS = np.arange(18).reshape(6, 3)


def metric(**options):
    return Metric(INFO, lambda inputs: MetricValue(1.0, len(inputs)), **options)


@pytest.fixture
def whole(inputs, activations_of):
    return inputs(CLASSES, activations={EVALUATOR: activations_of(logits=LOGITS)})


def test_some_of_the_pairs_keep_all_that_bears_on_them(whole):
    positions = np.asarray([4, 1])
    part = whole.only(positions)
    assert len(part) == 2
    assert part.classes.tolist() == [1, 0]
    np.testing.assert_array_equal(part.images, whole.images[positions])
    np.testing.assert_array_equal(part.photos, whole.photos[positions])
    np.testing.assert_array_equal(part.activations_of(EVALUATOR).images.logits, LOGITS[positions])
    assert part.ranks.candidates.tolist() == [3, 2], "still of all photos of the class"
    assert (part.row, part.labels, part.seed) == (whole.row, whole.labels, whole.seed)


def test_what_is_missing_is_no_figure_but_a_reason(whole):
    with pytest.raises(NotMeasured, match="not compared with the photos"):
        _ = replace(whole, ranking=None).ranks
    with pytest.raises(NotMeasured, match="there is no classifier"):
        whole.activations_of("classifier")
    told = replace(
        whole, activations={}, missing_networks={EVALUATOR: "the evaluator is not good enough"}
    )
    with pytest.raises(NotMeasured, match="not good enough"):
        told.activations_of(EVALUATOR)


def test_of_real_photos_only_some_metrics_say_anything(whole):
    real = replace(whole, row=REAL)
    assert real.is_real
    assert not replace(whole, row=REFINED).is_real
    assert not metric().applies_to(real)
    assert metric(of_real=True).applies_to(real)


def test_movement_needs_images_of_other_sounds(whole):
    still = replace(whole, row=REFINED, other_sound=None)
    assert not metric(of_moved=True).applies_to(still)
    assert metric().applies_to(still)
    assert metric(of_moved=True).applies_to(replace(still, other_sound=whole.images))
