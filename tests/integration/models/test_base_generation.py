"""What a system that draws must be, whichever it is: trainer, evaluation and export lean on it."""

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.base import OneStageOutput
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.registry import new_network

SIZE, LABELS = 32, 3


@pytest.fixture(scope="module", params=["cargan", "s2ic", "cmcgan"])
def network(request, baseline_config, tiny_config):
    if request.param == "cargan":
        return new_network(override(tiny_config, [f"data.image_size={SIZE}"]), LABELS)
    config = baseline_config(request.param, f"data.image_size={SIZE}", "model.init_stddev=0.3")
    return new_network(config, LABELS)


@pytest.fixture(scope="module")
def sound():
    return tf.random.stateless_uniform([2, SIZE, SIZE, 1], [1, 2], -1, 1)


@pytest.fixture(scope="module")
def label():
    return tf.one_hot([0, 2], LABELS)


def test_images_are_rgb_in_minus_1_to_1(network, sound, label):
    images = network(sound, label)
    for image in (images.coarse, images.refined):
        assert image.shape == (2, SIZE, SIZE, 3)
        assert image.dtype == tf.float32
        assert np.abs(image).max() <= 1
        assert np.ptp(image) > 0


def test_one_sound_gives_one_image_but_in_training(network, sound, label):
    first, again = (network(sound, label).refined for _ in range(2))
    np.testing.assert_array_equal(first, again)
    taught = network(sound, label, seed=tf.constant([3, 4]), training=True).refined
    assert np.any(taught != first)


def test_all_weights_are_made_before_it_draws(network, sound, label):
    before = [variable.path for variable in network.variables]
    network(sound, label)
    assert before
    assert [variable.path for variable in network.variables] == before


def test_c_is_inside_of_the_cascade_alone_and_frozen(network):
    if network.name == "cascade":
        assert isinstance(network.classifier, Classifier)
        assert network.classifier.variables
        taught = {variable.path for variable in network.trainable_variables}
        assert not taught & {variable.path for variable in network.classifier.variables}
    else:
        assert network.classifier is None


def test_the_label_is_an_input_of_the_cascade_alone(network, sound, label):
    first, other = (network(sound, shown).refined for shown in (label, tf.roll(label, 1, 1)))
    assert np.any(first != other) == (network.name == "cascade")


def test_the_sound_is_an_input_of_all(network, sound, label):
    assert np.any(network(sound, label).refined != network(-sound, label).refined)


def test_what_draws_at_one_go_has_one_image_under_both_names():
    image = tf.zeros([1, SIZE, SIZE, 3])
    images = OneStageOutput.of(image)
    assert images.coarse is images.refined is image
    assert tuple(images._fields) == ("coarse", "refined")
