import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.training.optimizers import make_adam
from cargan_tf.training.steps.train_step import TrainStep, apply_gradients, mismatched


def test_the_next_pair_s_values_are_another_pair_s():
    values = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(mismatched(tf.constant(values)), values[[1, 2, 3, 0]])


def test_the_next_pair_may_be_on_the_next_replica(four_replicas):
    parts = four_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant([[0.0], [0.5]]) + context.replica_id_in_sync_group
    )
    rolled = tf.function(lambda: four_replicas.run(mismatched, args=(parts,)))()
    joined = [p.numpy()[:, 0] for p in four_replicas.experimental_local_results(rolled)]
    np.testing.assert_array_equal(np.concatenate(joined), [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 0])


class EmptyStep(TrainStep):
    """What all steps share, without networks."""

    def networks(self):
        return {}

    def optimizers(self):
        return {}

    def _replica_step(self, batch):
        return {}


@pytest.fixture
def step(tiny_config):
    network = keras.Sequential(name="network")
    return EmptyStep(tiny_config, network, network, tf.distribute.get_strategy())


def test_the_seed_is_of_the_configuration_and_the_step(step):
    step.step.assign(7)
    np.testing.assert_array_equal(step._seed(), [0, 7])


def test_means_are_over_the_global_batch(step):
    means = step._batch_means({"l1": tf.constant([1.0, 2.0])})  # two of a batch of four
    assert float(means["l1"]) == 0.75


def test_the_loss_is_scaled_in_float16_and_the_update_is_not(tiny_config):
    moved = {}
    for precision in ("float32", "float16"):
        config = override(tiny_config, [f"training.precision={precision}"])
        variable = keras.Variable([2.0, -1.0], name="weight")
        optimizer = make_adam(config, steps_per_epoch=1)
        optimizer.build([variable])
        with tf.GradientTape() as tape:
            # Adam's epsilon is as large as these gradients, so that their scale tells.
            loss = 1e-8 * tf.reduce_sum(tf.square(variable.value))
        apply_gradients(tape, loss, [variable], optimizer)
        moved[precision] = variable.numpy()
    np.testing.assert_allclose(moved["float16"], moved["float32"], rtol=1e-6)
    assert np.abs(moved["float32"] - [2.0, -1.0]).max() > 1e-5
