import numpy as np
import pytest

from cargan_tf.evaluation.metrics.fid import fid, is_singular
from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.tfgan import frechet_distance
from cargan_tf.evaluation.networks.feature_network import FEATURES


@pytest.fixture
def figure(inputs, activations_of):
    def measure(fake, real):
        classes = np.arange(len(fake)) % 3
        return fid(inputs(classes, activations={FEATURES: activations_of(fake=fake, real=real)}))

    return measure


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 40, 5)).astype(np.float32)


def test_what_is_needed_to_believe_it_stands_with_it(figure, features):
    fake, real = features
    found = figure(fake, real)
    assert found.value == pytest.approx(frechet_distance(fake, real))
    assert (found.images, found.real, found.network) == (40, 40, "seer")
    assert found.singular is False
    # Twenty against twenty is further apart than forty against forty, by bias alone.
    assert found.floor > found.value / 2
    assert found.at_floor_size > 0


def test_two_equal_sets_are_at_distance_0(figure, features):
    found = figure(features[0], features[0])
    assert found.value == pytest.approx(0, abs=1e-5)
    assert found.floor == pytest.approx(found.at_floor_size)  # the other half of the same


def test_fewer_images_than_features_are_measured_and_said_to_be_singular(figure, features):
    found = figure(features[0, :5], features[1, :5])
    assert found.singular is True
    assert np.isfinite(found.value)


def test_a_single_image_is_not_enough(figure):
    with pytest.raises(NotMeasured, match="at least 2 images; there is 1"):
        figure([[1.0, 2.0]], [[1.0, 2.0]])


def test_three_images_are_enough_for_the_distance_but_not_for_halves(figure, features):
    found = figure(features[0, :3], features[1, :3])
    assert (found.floor, found.at_floor_size) == (None, None)


def test_the_class_mean_over_and_over_is_singular(features):
    assert not is_singular(features[0])
    assert is_singular(np.repeat(features[0, :3], 13, axis=0))
    assert is_singular(features[0, :5])  # five images have four differences
