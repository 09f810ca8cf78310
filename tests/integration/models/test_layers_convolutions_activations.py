import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.layers import leaky_relu

FEATURES = np.array([-5.0, -1.0, 0.0, 0.5, 3.0], np.float32)


@pytest.mark.parametrize("after_bias", [False, True])
def test_negative_features_leak_by_a_fifth(after_bias):
    result = leaky_relu(tf.constant(FEATURES), after_bias=after_bias)
    np.testing.assert_allclose(result, [-1.0, -0.2, 0.0, 0.5, 3.0], rtol=1e-6)


@pytest.mark.parametrize("after_bias", [False, True])
def test_so_do_their_gradients(after_bias):
    features = tf.constant(FEATURES[FEATURES != 0])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(leaky_relu(features, after_bias=after_bias))
    np.testing.assert_allclose(tape.gradient(total, features), [0.2, 0.2, 1, 1], rtol=1e-6)
