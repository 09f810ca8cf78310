import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.kinds import new_network
from cargan_tf.training.kinds import new_step

KINDS = ("s2ic", "cmcgan")


def test_a_network_of_no_kind_has_no_step(tiny_config):
    with pytest.raises(TypeError, match="no training step for a str"):
        new_step(tiny_config, "a cascade", 3, tf.distribute.get_strategy(), 6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_decides_network_and_step(kind, baseline_config, new_tiny_step):
    config = baseline_config(kind, "data.image_size=32")
    assert new_network(config, 3).name == kind
    assert new_tiny_step(config).parts().keys() >= {kind, "discriminator"}


@pytest.fixture
def no_graph_optimiser():
    """Half of the time until four replicas' first step is done goes into it."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_four_replicas_of_one_picture_train_as_one_of_four(
    kind, baseline_config, four_replicas, new_tiny_step, tiny_batch, no_graph_optimiser
):
    """Equal up to float32's round-off; see the same test of CAR-GAN's step for the epsilon."""
    texts = ["data.image_size=32", "training.adam_epsilon=1e-3", "training.learning_rate=1e-3"]
    config = baseline_config(kind, *texts, "model.init_stddev=0.02")
    steps = [new_tiny_step(config, strategy) for strategy in (None, four_replicas)]
    for index in range(3):
        whole = tf.data.Dataset.from_tensors(tiny_batch(index)).unbatch().batch(4)
        ours, theirs = (
            {
                name: float(value)
                for name, value in step(
                    next(iter(step.strategy.experimental_distribute_dataset(whole)))
                ).items()
            }
            for step in steps
        )
        assert ours == pytest.approx(theirs, rel=1e-4)
    alone, four = ([v.numpy() for n in s.networks().values() for v in n.variables] for s in steps)
    for value, expected in zip(four, alone, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=4e-5)
