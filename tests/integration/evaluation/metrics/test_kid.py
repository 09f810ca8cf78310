import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.kid import LEAST, kernel_distance, kid
from cargan_tf.evaluation.networks.feature_network import FEATURES

FEATURE_COUNT = 6


@pytest.fixture
def figure(inputs, activations_of):
    def measure(fake, real):
        classes = np.arange(len(fake)) % 3
        return kid(inputs(classes, activations={FEATURES: activations_of(fake=fake, real=real)}))

    return measure


def kernel(x, y):
    return (np.dot(x, y) / len(x) + 1) ** 3


def by_hand(first, second):
    """Gretton et al. 2012, Eq. 4, in plain loops."""
    pairs = [(i, j) for i in range(len(first)) for j in range(len(first)) if i != j]
    return np.mean(
        [
            kernel(first[i], first[j])
            + kernel(second[i], second[j])
            - kernel(first[i], second[j])
            - kernel(first[j], second[i])
            for i, j in pairs
        ]
    )


def test_it_is_that_of_gretton_with_the_error_of_leaving_one_pair_out():
    first, second = np.random.default_rng(0).normal(size=(2, 7, FEATURE_COUNT))
    value, error = kernel_distance(first, second)
    assert value == pytest.approx(by_hand(first, second))
    without = [by_hand(np.delete(first, i, 0), np.delete(second, i, 0)) for i in range(7)]
    assert error == pytest.approx(np.sqrt(6 / 7 * np.sum((without - np.mean(without)) ** 2)))


@pytest.mark.parametrize("count", [26, 585])
def test_photos_as_their_own_images_have_none(figure, count):
    """In one order, in which every image meets its own photo."""
    photos = np.random.default_rng(count).normal(1, 1, (count, FEATURE_COUNT))
    assert figure(photos, photos).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("count", [20, 26, 60])
def test_images_that_resemble_their_photos_have_no_bias(noise, count):
    """Two views of one photo are of one distribution: 0 on average, however alike they are."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(200):
        photos = random.normal(size=(count, FEATURE_COUNT))
        views = photos + noise * random.normal(size=(2, count, FEATURE_COUNT))
        found.append(kernel_distance(*views / max(noise, 1.0))[0])
    assert abs(np.mean(found)) <= 3 * np.std(found, ddof=1) / np.sqrt(len(found))


def test_the_standard_error_is_the_spread_over_samples():
    random = np.random.default_rng(0)
    samples = [
        kernel_distance(*random.normal([[[0]], [[1]]], 1, (2, 80, FEATURE_COUNT)))
        for _ in range(150)
    ]
    values, errors = np.transpose(samples)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.2)


def test_a_distance_is_seen_and_the_floor_is_below_it(figure):
    features = np.random.default_rng(0).normal(size=(2, 2 * LEAST, FEATURE_COUNT))
    found = figure(features[0] + 1.0, features[1])
    assert found.value > 3 * found.standard_error
    assert (found.images, found.real, found.network) == (2 * LEAST, 2 * LEAST, "seer")
    assert abs(found.floor) < found.value


def test_the_order_of_the_pairs_does_not_matter(figure):
    features = np.random.default_rng(0).normal(size=(2, 2 * LEAST, 3))
    features[:, :LEAST] += 4  # as sorted by class
    order = np.random.default_rng(1).permutation(2 * LEAST)
    sorted_by_class, mixed = figure(*features), figure(*features[:, order])
    assert sorted_by_class.value == pytest.approx(mixed.value)
    assert sorted_by_class.standard_error == pytest.approx(mixed.standard_error)


def test_too_few_images_are_not_measured(figure):
    few = np.zeros((LEAST - 1, 3))
    with pytest.raises(NotMeasured, match="at least 20 images; there are 19"):
        figure(few, few)


def test_as_few_as_allowed_have_no_floor(figure):
    few = np.random.default_rng(0).normal(size=(LEAST, 3))
    found = figure(few, few)
    assert found.floor is None
    assert np.isfinite([found.value, found.standard_error]).all()


def test_sets_of_different_sizes_have_no_pairs():
    with pytest.raises(ValueError, match="received 4 and 5"):
        kernel_distance(np.zeros((4, 2)), np.zeros((5, 2)))
