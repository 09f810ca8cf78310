import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import Config, override
from cargan_tf.errors import UserError
from cargan_tf.training.distribution import check_divisible, distribute_batches


def photos_of(strategy, batch):
    """A batch as one array, whatever the number of replicas."""
    parts = strategy.experimental_local_results(batch["photo"])
    return np.concatenate([part.numpy() for part in parts])


def test_replicas_get_the_parts_of_one_device_s_batches(
    trained, tiny_data, tiny_config, four_replicas
):
    one = tf.distribute.get_strategy()
    taken = []
    for strategy in (one, four_replicas):
        batches = distribute_batches(strategy, trained.dataset, tiny_data, tiny_config, 0)
        taken.append([photos_of(strategy, next(batches)) for _ in range(3)])
    np.testing.assert_array_equal(*taken)


def test_it_goes_on_after_the_step_that_is_named(trained, tiny_data, tiny_config):
    strategy = tf.distribute.get_strategy()
    whole = distribute_batches(strategy, trained.dataset, tiny_data, tiny_config, 0)
    later = distribute_batches(strategy, trained.dataset, tiny_data, tiny_config, 2)
    expected = [photos_of(strategy, next(whole)) for _ in range(3)][2]
    np.testing.assert_array_equal(photos_of(strategy, next(later)), expected)


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    config = override(Config(), ["training.batch_size=10"])
    check_divisible(config, replicas=5, workers=1)
    with pytest.raises(UserError, match=r"batch_size = 10 .* 4 devices; the nearest is 8"):
        check_divisible(config, replicas=4, workers=1)
    with pytest.raises(UserError, match=r"4 devices \(2 workers of 2\)"):
        check_divisible(config, replicas=4, workers=2)
