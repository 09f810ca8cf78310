from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from helpers.training import on_replicas

from cargan_tf.models.registry import new_network
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.networks import new_step

pytestmark = pytest.mark.usefixtures("eager")

KINDS = ("s2ic", "cmcgan")
STEPS = 2


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def config(kind, baseline_config):
    """Adam's epsilon is above round-off: see the test of CAR-GAN's step on four replicas."""
    texts = ["training.adam_epsilon=1e-3", "training.learning_rate=1e-3"]
    return baseline_config(kind, "data.image_size=32", "model.init_stddev=0.02", *texts)


@pytest.fixture(scope="module")
def train(tiny_batch):
    """``train(step, 0, 2)``: the losses of the first two steps."""

    def train(step, first, end):
        losses = []
        for index in range(first, end):
            batch = on_replicas(step, tiny_batch(index))
            losses.append({name: float(value) for name, value in step(batch).items()})
        return losses

    return train


@pytest.fixture(scope="module")
def alone(config, new_tiny_step, train, tmp_path_factory):
    """A step on one replica after its batches, and a checkpoint before the last."""
    step = new_tiny_step(config)
    checkpoints = Checkpoints(tmp_path_factory.mktemp("checkpoints"), step, keep=1)
    losses = train(step, 0, STEPS - 1)
    checkpoints.save()
    losses += train(step, STEPS - 1, STEPS)
    return SimpleNamespace(step=step, losses=losses, state=state(step), checkpoints=checkpoints)


def state(step):
    """Weights, moving statistics and optimizers."""
    return [v.numpy().copy() for part in step.parts().values() for v in part.variables]


def test_the_kind_decides_network_and_step(kind, config, alone):
    assert new_network(config, 3).name == kind
    assert alone.step.parts().keys() >= {kind, "discriminator"}
    assert all(np.isfinite(value) for losses in alone.losses for value in losses.values())


def test_a_network_of_no_kind_has_no_step(tiny_config):
    with pytest.raises(TypeError, match="no training step for a str"):
        new_step(tiny_config, "a cascade", 3, tf.distribute.get_strategy(), 6)


def test_a_step_taken_again_from_a_checkpoint_is_the_same_step(alone, train):
    train(alone.step, STEPS, STEPS + 1)
    assert alone.checkpoints.restore() == STEPS - 1
    assert train(alone.step, STEPS - 1, STEPS) == alone.losses[-1:]
    for again, first in zip(state(alone.step), alone.state, strict=True):
        np.testing.assert_array_equal(again, first)


@pytest.mark.slow
def test_four_replicas_of_one_image_train_as_one_of_four(
    config, alone, four_replicas, new_tiny_step, train
):
    four = new_tiny_step(config, four_replicas)
    for ours, theirs in zip(train(four, 0, STEPS), alone.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for value, expected in zip(state(four), alone.state, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=4e-5)
