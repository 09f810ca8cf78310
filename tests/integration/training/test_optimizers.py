import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.training.optimizers import ConstantThenLinear, make_adam

START = np.array([1.0, -2.0, 0.5], np.float32)
GRADIENTS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def configured(config, **values):
    return override(config, [f"training.{name}={value}" for name, value in values.items()])


def moved(adam, strategy=None):
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        variable = keras.Variable(START, name="weight")
        adam = adam()
        adam.build([variable])

    @tf.function
    def step(gradient):
        strategy.run(lambda: adam.apply([tf.identity(gradient)], [variable]))

    for gradient in GRADIENTS:
        step(tf.constant(gradient))
    return variable.numpy()


def test_follows_kingma_and_ba(tiny_config):
    config = configured(tiny_config, adam_beta_1=0.8, adam_beta_2=0.99, learning_rate=0.1)
    weight, first, second = START.astype(np.float64), np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(GRADIENTS.astype(np.float64), start=1):
        first = 0.8 * first + 0.2 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        mean, std = first / (1 - 0.8**step), np.sqrt(second / (1 - 0.99**step))
        weight = weight - 0.1 * mean / (std + 1e-8)
    np.testing.assert_allclose(moved(lambda: make_adam(config, 4)), weight, rtol=1e-5)


def test_moves_as_keras_own(tiny_config):
    config = configured(tiny_config, learning_rate=0.1, adam_epsilon=1e-3)
    keras_own = moved(lambda: keras.optimizers.Adam(0.1, epsilon=1e-3))
    np.testing.assert_allclose(moved(lambda: make_adam(config, 4)), keras_own, rtol=1e-5)


def test_replicas_share_one_state_and_sum_their_gradients(tiny_config, four_replicas):
    """Adam hardly minds a gradient four times as large: epsilon is made to show it."""
    config = configured(tiny_config, learning_rate=0.1, adam_epsilon=1.0)
    four = moved(lambda: make_adam(config, 4), four_replicas)
    first, second, weight = np.zeros(3), np.zeros(3), START.astype(np.float64)
    for step, gradient in enumerate(4.0 * GRADIENTS, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weight = weight - rate * first / (np.sqrt(second) + 1.0)
    np.testing.assert_allclose(four, weight, rtol=1e-5)


def test_one_replica_s_overflow_stops_all(tiny_config, four_replicas):
    """Else replicas would go apart: each holds its own copy of the weights."""
    with four_replicas.scope():
        adam = make_adam(configured(tiny_config, precision="float16"), 4)
        variable = keras.Variable(START, name="weight")
        adam.build([variable])
    gradients = tf.constant([[1.0] * 3, [1.0] * 3, [1.0, np.inf, 1.0], [1.0] * 3])

    @tf.function
    def step(overflow):
        def apply():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            adam.apply([gradients[replica] if overflow else tf.ones([3])], [variable])

        four_replicas.run(apply)

    step(True)
    for copy in four_replicas.experimental_local_results(variable.value):
        np.testing.assert_array_equal(copy.numpy(), START)
    assert adam.dynamic_scale.numpy() == 2.0**14
    step(False)
    for copy in four_replicas.experimental_local_results(variable.value):
        assert np.all(copy.numpy() < START)


def rates(config, epochs, decay_epochs, steps):
    settings = configured(config, epochs=epochs, decay_epochs=decay_epochs, learning_rate=0.8)
    schedule = ConstantThenLinear(settings, steps_per_epoch=4, rate=settings.training.learning_rate)
    return [float(schedule(step)) for step in steps]


def test_the_rate_stays_and_then_falls_by_equal_steps_an_epoch(tiny_config):
    found = rates(tiny_config, 2, 3, [0, 7, 8, 11, 12, 16, 19, 20, 1000])
    np.testing.assert_allclose(found, [0.8, 0.8, 0.6, 0.6, 0.4, 0.2, 0.2, 0, 0], atol=1e-6)


def test_without_decay_the_rate_stays(tiny_config):
    assert rates(tiny_config, 2, 0, [0, 8, 1000]) == pytest.approx([0.8] * 3)


def test_the_rate_that_is_applied_follows_the_schedule(tiny_config):
    config = configured(tiny_config, epochs=1, decay_epochs=1, learning_rate=0.8)
    adam = make_adam(config, steps_per_epoch=1)
    variable = keras.Variable(START)
    adam.build([variable])
    applied = []
    for _ in range(3):
        applied.append(float(adam.learning_rate))
        adam.apply([tf.zeros(3)], [variable])
    assert applied == pytest.approx([0.8, 0.4, 0.0])


def test_slower_variables_move_by_a_fraction_and_frozen_ones_do_not(tiny_config):
    """Adam's first step is the learning rate itself, whatever the gradient."""
    config = configured(tiny_config, learning_rate=0.1)
    variables = [keras.Variable(START, name=name) for name in ("normal", "slower", "frozen")]
    for variable, expected in zip(variables, (0.1, 0.02, 0.0), strict=True):
        slower = [] if variable is variables[0] else [variable]
        adam = make_adam(config, 4, slower=slower, slower_rate=expected)
        adam.build([variable])
        adam.apply([tf.ones([3])], [variable])
        np.testing.assert_allclose(START - variable.numpy(), expected, atol=1e-6)
