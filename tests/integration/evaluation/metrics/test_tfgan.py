"""Each measure against a computation that shares no code with TF-GAN."""

import sys

import numpy as np
import pytest
import scipy.linalg

from cargan_tf.evaluation.metrics.tfgan import frechet_distance, inception_score


@pytest.fixture
def features():
    """``features(count, size, offset)``: skewed and correlated, as a network's are."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(12, 12))

    def draw(count, size, offset=0.0):
        return np.maximum(random.normal(size=(count, size)) @ mixing[:size, :size], 0) + offset

    return draw


def frechet_by_scipy(first, second):
    root = scipy.linalg.sqrtm(np.cov(first, rowvar=False) @ np.cov(second, rowvar=False))
    trace = np.trace(np.cov(first, rowvar=False) + np.cov(second, rowvar=False) - 2 * root.real)
    return trace + np.sum((first.mean(0) - second.mean(0)) ** 2)


def frechet_by_singular_values(first, second):
    """tr sqrt(AᵀA BᵀB) is the sum of the singular values of A Bᵀ: no root of a singular matrix."""
    first_rest, second_rest = (part - part.mean(0) for part in (first, second))
    first_rest /= np.sqrt(len(first) - 1)
    second_rest /= np.sqrt(len(second) - 1)
    shared = np.linalg.svd(first_rest @ second_rest.T, compute_uv=False).sum()
    std = np.sum(first_rest**2) + np.sum(second_rest**2)
    return std - 2 * shared + np.sum((first.mean(0) - second.mean(0)) ** 2)


def test_frechet_distance_is_scipy_s(features):
    first, second = features(200, 12), features(150, 12, 0.3)
    expected = frechet_by_scipy(first, second)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet_by_singular_values(first, second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(5, 4), (5, 200), (3, 3), (2, 2)])
def test_frechet_distance_of_fewer_images_than_features(features, first, second):
    a, b = features(first, 12), features(second, 12, 1.0)
    expected = frechet_by_singular_values(a, b)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_one_dimension_by_hand():
    # Means 1 and 4, variances 4 and 1: (1 - 4)² + (2 - 1)².
    first, second = np.array([[-1.0], [1.0], [3.0]]), np.array([[3.0], [4.0], [5.0]])
    assert frechet_distance(first, second) == pytest.approx(10)


@pytest.mark.parametrize("count", [4, 60])
def test_frechet_distance_of_equal_sets_is_0(features, count):
    same = features(count, 12)
    assert frechet_distance(same, same) == pytest.approx(0, abs=1e-4)


def test_images_that_are_all_the_same_have_a_distance_too():
    same = np.ones((5, 12))
    assert frechet_distance(same, same + 1) == pytest.approx(12)


def test_inception_score_by_hand():
    # Two classes, each sure, evenly drawn: exp(log 2). One class only: 1. Unsure: 1.
    assert inception_score([[50.0, 0.0], [0.0, 50.0]]) == pytest.approx(2)
    assert inception_score([[50.0, 0.0], [50.0, 0.0]]) == pytest.approx(1)
    assert inception_score([[0.0, 0.0], [0.0, 0.0]]) == pytest.approx(1)
    # p = (3/4, 1/4) and (1/4, 3/4) around (1/2, 1/2).
    expected = np.exp(0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5))
    logits = np.log([[3.0, 1.0], [1.0, 3.0]])
    assert inception_score(logits) == pytest.approx(expected)


def test_inception_score_of_logits_of_any_size_is_a_number():
    assert inception_score([[4000.0, 0.0, 0.0], [0.0, 4000.0, 0.0]]) == pytest.approx(2)


def test_a_later_import_of_tensorflow_gan_finds_what_it_would_have_found():
    inception_score([[1.0, 2.0]])
    assert not _tfgan_modules()
    try:
        # Its own __init__ runs, and fails as it does without us.
        with pytest.raises(AttributeError, match="no attribute 'estimator'"):
            import tensorflow_gan  # noqa: F401
    finally:
        for name in _tfgan_modules():
            del sys.modules[name]


def _tfgan_modules():
    return [name for name in sys.modules if name.partition(".")[0] == "tensorflow_gan"]
