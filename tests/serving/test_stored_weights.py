import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.serving.stored_weights import StoredWeights


@pytest.fixture
def dense():
    layer = keras.layers.Dense(64, bias_initializer="ones")
    layer.build((None, 64))
    return layer


def test_a_network_reads_float16_of_its_kernel(dense):
    weights = StoredWeights(dense.variables, "float16")
    inputs = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    made = tf.function(weights.reading(dense))(inputs)
    kernel = dense.kernel.numpy().astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(made, inputs @ kernel + 1, rtol=1e-5, atol=1e-6)
    assert np.abs(made - dense(inputs)).max() > 1e-6
    assert sorted(variable.dtype.name for variable in weights.variables) == ["float16", "float32"]


def test_float32_weights_are_the_networks_own(dense):
    weights = StoredWeights(dense.variables, "float32")
    assert [id(variable) for variable in weights.variables] == [
        id(variable.value) for variable in dense.variables
    ]
    inputs = np.ones((2, 64), np.float32)
    np.testing.assert_array_equal(weights.reading(dense)(inputs), dense(inputs))


def test_a_number_beyond_float16_is_refused(dense):
    dense.kernel.assign(tf.fill([64, 64], 7e4))
    with pytest.raises(
        UserError, match=r"kernel holds numbers beyond float16 .* without --float16"
    ):
        StoredWeights(dense.variables, "float16")
