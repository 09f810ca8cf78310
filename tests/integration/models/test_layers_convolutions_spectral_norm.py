import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.layers import SpectralNormConv


@pytest.fixture
def layer():
    keras.utils.set_random_seed(3)
    layer = SpectralNormConv(5, 4, strides=2, kernel_initializer="he_normal")
    layer.build((None, 8, 8, 3))
    layer.bias.assign(np.arange(5.0))
    return layer


def by_svd(layer):
    return np.linalg.svd(layer.kernel.numpy().reshape(-1, 5), compute_uv=False)[0]


def settle(layer, rounds=200):
    for _ in range(rounds):
        layer.greatest_singular_value(update_statistics=True)


def test_rounds_approach_the_greatest_singular_value_of_the_svd(layer):
    first = float(layer.greatest_singular_value(update_statistics=False))
    assert first < by_svd(layer) * (1 - 1e-4)
    settle(layer)
    found = layer.greatest_singular_value(update_statistics=False)
    np.testing.assert_allclose(found, by_svd(layer), rtol=1e-4)


def test_it_convolves_by_the_kernel_over_sigma(layer):
    settle(layer)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    kernel = layer.kernel.numpy() / by_svd(layer)
    patch = np.tensordot(images[1, 2:6, 4:8], kernel, 3) + np.arange(5)
    np.testing.assert_allclose(layer(images)[1, 1, 2], patch, rtol=1e-4, atol=1e-5)


def test_the_gradient_knows_that_sigma_follows_the_kernel(layer):
    """Against differences of W / σ(W), σ by NumPy's SVD in float64."""
    settle(layer)
    random = np.random.default_rng(1)
    upstream, direction = random.normal(size=(2, *layer.kernel.shape))

    def shadow(kernel):
        sigma = np.linalg.svd(kernel.reshape(-1, 5), compute_uv=False)[0]
        return np.sum(upstream * kernel / sigma)

    with tf.GradientTape() as tape:
        sigma = layer.greatest_singular_value(update_statistics=False)
        value = tf.reduce_sum(upstream.astype(np.float32) * layer.kernel.value / sigma)
    gradient = tape.gradient(value, layer.kernel.value)
    kernel, step = layer.kernel.numpy().astype(np.float64), 1e-5 * direction
    slope = (shadow(kernel + step) - shadow(kernel - step)) / 2e-5
    assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-3)


def test_only_its_vector_moves_and_only_when_told_to(layer):
    before, images = layer.get_weights(), tf.ones([1, 8, 8, 3])
    layer(images, update_statistics=False)
    np.testing.assert_equal(layer.get_weights(), before)
    layer(images, update_statistics=True)
    moved = [np.any(a != b) for a, b in zip(before, layer.get_weights(), strict=True)]
    assert moved == [False, False, True]
    assert [variable.name for variable in layer.non_trainable_variables] == ["singular_vector"]


def test_all_replicas_keep_one_vector(four_replicas, layer):
    with four_replicas.scope():
        shared = SpectralNormConv(5, 4, strides=2)
        shared.build((None, 8, 8, 3))
    shared.set_weights(layer.get_weights())
    for each in (layer, shared):
        call = functools.partial(each, tf.ones([1, 8, 8, 3]), update_statistics=True)
        four_replicas.run(call) if each is shared else call()
    copies = four_replicas.experimental_local_results(shared.singular_vector.value)
    for copy in copies:
        np.testing.assert_allclose(copy, layer.singular_vector.numpy(), rtol=1e-5)
