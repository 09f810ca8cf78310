"""A step on four replicas, an image each, is the step on one."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.training import batch_of, on_replicas, state

from cargan_tf.config import override

STEPS = 4


@pytest.fixture
def trained(new_cascade_step):
    """``trained(config, strategy)``: a step after its batches, and their losses."""

    def train(config, strategy):
        step = new_cascade_step(config, strategy)
        batches = [batch_of(index, config.data.image_size) for index in range(STEPS)]
        losses = [
            {name: float(value) for name, value in step(on_replicas(step, batch)).items()}
            for batch in batches
        ]
        return SimpleNamespace(step=step, losses=losses, state=state(*step.networks().values()))

    return train


@pytest.mark.slow
def test_four_replicas_of_one_image_train_as_one_of_four(trained, tiny_config, four_replicas):
    """At 64 pixels, where dropout is; without attention, which looks at one image at a time.

    Sums over replicas are taken in another order, so equality is up to float32's round-off. Adam's
    first steps divide a gradient by its own size: where it is round-off alone, they would blow it
    up to a whole step. An epsilon above round-off keeps that out of the comparison.
    """
    texts = ["model.attention=none", "training.adam_epsilon=1e-3", "training.learning_rate=1e-3"]
    config = override(tiny_config, [*texts, "model.init_stddev=0.02"])
    alone, four = (trained(config, strategy) for strategy in (None, four_replicas))
    for ours, theirs in zip(four.losses, alone.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for value, expected in zip(four.state, alone.state, strict=True):
        # Weights have moved by up to 4e-3, statistics by up to half of their size.
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=4e-5)
    assert alone.losses[0]["refined_l1"] != alone.losses[-1]["refined_l1"]
    for result in (alone, four):
        assert int(result.step.step.numpy()) == STEPS
        assert result.step.__call__.experimental_get_tracing_count() == 1
        assert all(np.isfinite(value) for line in result.losses for value in line.values())
