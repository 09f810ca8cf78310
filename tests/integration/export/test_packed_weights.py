import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.export.packed_weights import PackedWeights


@pytest.fixture
def dense():
    layer = keras.layers.Dense(64, bias_initializer="ones")
    layer.build((None, 64))
    return layer


def test_a_network_reads_float16_of_its_kernel(dense):
    weights = PackedWeights(dense.variables, "float16")
    inputs = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    made = tf.function(weights.reading(dense))(inputs)
    kernel = dense.kernel.numpy().astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(made, inputs @ kernel + 1, rtol=1e-5, atol=1e-6)
    assert np.abs(made - dense(inputs)).max() > 1e-6
    assert sorted(variable.dtype.name for variable in weights.variables) == ["float16", "float32"]


def test_large_float32_kernels_are_the_networks_own_and_small_weights_one_vector(dense):
    weights = PackedWeights(dense.variables, "float32")
    small, own = weights.variables
    assert own is dense.kernel.value
    np.testing.assert_array_equal(small, np.ones(64))
    inputs = np.ones((2, 64), np.float32)
    np.testing.assert_array_equal(weights.reading(dense)(inputs), dense(inputs))


def test_every_network_finds_its_own_small_weights():
    layers = [keras.layers.Dense(3, bias_initializer="ones"), keras.layers.BatchNormalization()]
    for layer in layers:
        layer.build((None, 3))
    layers[1].moving_mean.assign([1.0, 2.0, 3.0])
    weights = PackedWeights([one for layer in layers for one in layer.variables], "float16")
    assert [variable.shape for variable in weights.variables] == [(3 * 3 + 3 + 4 * 3,)]
    inputs = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    for layer in layers:
        made = tf.function(weights.reading(layer))(inputs)
        np.testing.assert_allclose(made, layer(inputs), rtol=1e-6)


def test_what_is_stored_does_not_follow_the_network(dense):
    """It is a copy where it is not the network's own variable."""
    weights = PackedWeights(dense.variables, "float16")
    inputs = np.ones((2, 64), np.float32)
    before = weights.reading(dense)(inputs).numpy()
    dense.bias.assign(tf.zeros(64))
    np.testing.assert_array_equal(weights.reading(dense)(inputs), before)


def test_a_number_beyond_float16_is_refused(dense):
    dense.kernel.assign(tf.fill([64, 64], 7e4))
    with pytest.raises(
        UserError, match=r"kernel has values beyond float16's range .* without --float16"
    ):
        PackedWeights(dense.variables, "float16")
