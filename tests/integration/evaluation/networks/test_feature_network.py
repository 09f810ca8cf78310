import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.evaluation.networks.feature_network import (
    BATCH,
    Activations,
    FeatureNetwork,
    resize_rule,
    to_input,
    weights_hash,
)


def images(count, size=8, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (count, size, size, 3)).astype(np.float32)


@pytest.fixture
def network():
    """Sees the mean of each channel; its classes are the channels, or none."""

    def make(classes=True, size=8):
        calls = []

        def look(pixels):
            calls.append(pixels.shape[0])
            means = tf.reduce_mean(pixels, [1, 2])
            return means, means if classes else None

        made = FeatureNetwork(None, look, size)
        made.traced = calls
        return made

    return make


@pytest.mark.parametrize("count", [1, BATCH, 2 * BATCH + 3])
def test_any_number_of_images_is_looked_at_in_order(network, count):
    shown, looking = images(count), network()
    seen = looking(shown)
    np.testing.assert_allclose(seen.features, (shown.mean((1, 2)) + 1) * 127.5, atol=0.5)
    assert np.array_equal(seen.classes, seen.features.argmax(1))
    assert looking.traced == [BATCH]  # one graph for all


def test_equal_images_are_seen_alike(network):
    shown = images(2)[[0, 1, 0, 0, 1]]
    features = network()(shown).features
    assert np.array_equal(features[0], features[2])
    assert np.array_equal(features[1], features[4])
    assert not np.array_equal(features[0], features[1])


def test_one_without_classes_says_so(network):
    seen = network(classes=False)(images(3))
    assert seen.logits is None
    assert seen.only(np.array([0])).logits is None
    with pytest.raises(ValueError, match="no classes"):
        _ = seen.classes


def test_some_images_alone():
    seen = Activations(np.arange(6.0).reshape(3, 2), np.eye(3))
    assert np.array_equal(seen.only(np.array([2])).features, [[4, 5]])
    assert np.array_equal(seen.only(np.array([2, 0])).classes, [2, 0])


def test_images_become_what_a_png_would_hold():
    shown = images(1)
    expected = np.round((shown + 1) * 127.5)
    np.testing.assert_array_equal(to_input(tf.constant(shown), 8), expected)
    beyond = tf.constant([[[[-2.0, 2.0, 0.0]]]])
    np.testing.assert_array_equal(to_input(beyond, 1), [[[[0, 255, 128]]]])


@pytest.mark.parametrize("size", [4, 16])
def test_resizing_is_pillow_s_bilinear(size):
    values = images(1)[0]
    found = to_input(tf.constant(values[None]), size)[0].numpy()
    for channel in range(3):
        pixels = Image.fromarray(np.round((values[..., channel] + 1) * 127.5))
        expected = np.asarray(pixels.resize((size, size), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(found[..., channel], expected, atol=0.01)


def test_the_rule_names_the_size():
    assert "224×224" in resize_rule(224)


def test_the_hash_is_of_the_values_alone():
    layers = [keras.layers.Dense(2) for _ in range(2)]
    for layer in layers:
        layer.build((None, 3))
        layer.set_weights([np.ones((3, 2)), np.zeros(2)])
    first, second = (weights_hash(layer.variables) for layer in layers)
    assert first == second
    layers[0].set_weights([np.ones((3, 2)), np.array([0, 1e-6])])
    assert weights_hash(layers[0].variables) != second
