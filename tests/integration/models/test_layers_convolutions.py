import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.layers import (
    MAX_POSITIONS_DOWN,
    MAX_POSITIONS_UP,
    DownsampleConv,
    UpsampleConv,
    conv_down,
    conv_up,
    conv_up_few_filters,
)


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def value_and_gradients(function, features, kernel):
    with tf.GradientTape() as tape:
        tape.watch([features, kernel])
        result = function(features, kernel)
    upstream = normal(*result.shape, seed=2)
    return result, *tape.gradient(result, [features, kernel], output_gradients=upstream)


def close(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("size", [(2, 2), (2, 4), (4, 4), (6, 8)])
def test_down_is_tensorflow_s_convolution(size):
    features, kernel = normal(3, *size, 5), normal(4, 4, 5, 7, seed=1)
    found = value_and_gradients(conv_down, features, kernel)
    expected = value_and_gradients(lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"), features, kernel)
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("form", [conv_up, conv_up_few_filters])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 4)])
def test_up_is_tensorflow_s_transposed_convolution(size, form):
    features, kernel = normal(3, *size, 5), normal(4, 4, 7, 5, seed=1)
    shape = [3, 2 * size[0], 2 * size[1], 7]
    found = value_and_gradients(form, features, kernel)
    expected = value_and_gradients(
        lambda x, k: tf.nn.conv2d_transpose(x, k, shape, 2, "SAME"), features, kernel
    )
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


def operations(layer, shape):
    spec = tf.TensorSpec(shape)
    graph = tf.function(lambda features: layer(features)).get_concrete_function(spec).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(
    ("kind", "most_places", "reference"),
    [
        (DownsampleConv, 4 * MAX_POSITIONS_DOWN, tf.keras.layers.Conv2D),
        (UpsampleConv, MAX_POSITIONS_UP, tf.keras.layers.Conv2DTranspose),
    ],
)
def test_layers_choose_by_size_and_agree_with_keras(kind, most_places, reference, use_bias):
    layer = kind(6, use_bias=use_bias, init_stddev=0.5)
    layer.build((None, 4, 4, 3))
    keras_s = reference(6, 4, strides=2, padding="same", use_bias=use_bias)
    keras_s.build((None, 4, 4, 3))
    if use_bias:
        layer.bias.assign(normal(6))
    keras_s.set_weights(layer.get_weights())
    most = most_places // 16
    for batch, by_product in ((most, True), (most + 1, False), (None, True)):
        used = operations(layer, [batch, 4, 4, 3])
        assert bool({"MatMul", "Einsum"} & used) == by_product
        assert bool({"Conv2D", "Conv2DBackpropInput"} & used) != by_product
    for batch in (2, most + 1):
        features = normal(batch, 4, 4, 3, seed=batch)
        close(layer(features), keras_s(features))


def test_an_image_s_three_filters_are_a_product_on_maps_of_any_size():
    layer = UpsampleConv(3, use_bias=True, init_stddev=0.5)
    layer.build((None, 64, 64, 5))
    layer.bias.assign(normal(3))
    assert "Einsum" in operations(layer, [2, 64, 64, 5])
    keras_s = tf.keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")
    keras_s.build((None, 64, 64, 5))
    keras_s.set_weights(layer.get_weights())
    features = normal(2, 64, 64, 5)
    close(layer(features), keras_s(features))
