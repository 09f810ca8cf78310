import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.checkpoints import Checkpoints, newest_checkpoint, restore_network
from cargan_tf.training.ema import EMA, ema_variables
from cargan_tf.training.steps.cargan_step import CarganStep


@pytest.fixture(scope="module")
def config(tiny_config):
    return override(tiny_config, ["data.image_size=32", "model.attention=none"])


@pytest.fixture
def cascade(config):
    return new_cascade(config, 3)


def move(cascade, value):
    for variable in ema_variables(cascade):
        variable.assign(tf.fill(variable.shape, float(value)))


def test_the_mean_follows_the_exponential_recursion(cascade):
    move(cascade, 1.0)
    average = EMA(cascade, 20, tf.distribute.get_strategy())
    expected = 1.0
    for step in range(1, 61):
        move(cascade, np.sin(step))
        average.update(step)
        if step % 2 == 0:  # ten updates in twenty steps
            kept = min(np.exp(-2 / 20), (1 + step // 2) / (10 + step // 2))
            expected = kept * expected + (1 - kept) * np.sin(step)
    for mean in average.variables:
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-5)


def test_the_mean_draws_in_place_and_the_weights_come_back(cascade):
    average = EMA(cascade, 5, tf.distribute.get_strategy())
    before = [mean.numpy() for mean in average.variables]
    move(cascade, 7.0)
    with average.in_place():
        for variable, value in zip(ema_variables(cascade), before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
    assert all(np.all(variable.numpy() == 7.0) for variable in ema_variables(cascade))


def test_the_classifier_is_not_averaged(cascade):
    names = len(cascade.variables) - len(cascade.classifier.variables)
    averaged = {id(variable) for variable in ema_variables(cascade)}
    assert len(averaged) == names
    assert not averaged & {id(variable.value) for variable in cascade.classifier.variables}


def test_a_checkpoint_draws_by_the_mean_and_trains_on_from_the_weights(config, cascade, tmp_path):
    strategy = tf.distribute.get_strategy()
    step = CarganStep(config, cascade, new_discriminator(config, 3), strategy, 6)
    move(cascade, 1.0)
    average = EMA(cascade, 5, strategy)
    move(cascade, 2.0)
    Checkpoints(tmp_path, step, 1, average).save()

    drawing = new_cascade(config, 3)
    restore_network(newest_checkpoint(tmp_path), drawing)
    assert all(np.all(variable.numpy() == 1.0) for variable in ema_variables(drawing))

    move(cascade, 3.0)
    average.update(1)
    Checkpoints(tmp_path, step, 1, average).restore()
    assert all(np.all(variable.numpy() == 2.0) for variable in ema_variables(cascade))
    assert all(np.all(mean.numpy() == 1.0) for mean in average.variables)


def test_on_four_replicas_the_mean_is_that_of_one(config, four_replicas):
    with four_replicas.scope():
        cascade = new_cascade(config, 3)
        average = EMA(cascade, 5, four_replicas)
        move(cascade, 4.0)
    began = average.variables[0].numpy()
    average.update(1)
    kept = 2 / 11
    np.testing.assert_allclose(
        average.variables[0].numpy(), kept * began + (1 - kept) * 4.0, rtol=1e-6
    )
    with average.in_place():
        drawing = ema_variables(cascade)[0].numpy()
    np.testing.assert_array_equal(drawing, average.variables[0].numpy())
    assert np.all(ema_variables(cascade)[0].numpy() == 4.0)
