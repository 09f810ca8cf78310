import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.training.steps.train_step import TrainStep, mismatched


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
