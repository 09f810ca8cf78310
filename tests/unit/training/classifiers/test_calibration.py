import numpy as np
import pytest

from cargan_tf.training.classifiers.calibration import (
    fit_temperature,
    measure_calibration,
    softmax,
)


def test_softmax_of_a_temperature():
    rows = softmax(np.array([[0.0, np.log(4.0)]]), 2.0)
    np.testing.assert_allclose(rows, [[1 / 3, 2 / 3]])


def test_the_temperature_of_overconfident_logits_is_found():
    """Labels drawn from softmax(logits / 3): the right temperature is 3."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 6, (20_000, 5))
    cumulated = softmax(logits, 3.0).cumsum(axis=1)
    truth = (random.random((20_000, 1)) > cumulated).sum(axis=1)
    assert fit_temperature(logits, truth) == pytest.approx(3.0, rel=0.05)


def test_accuracy_top_3_confidence_and_error():
    probabilities = np.array(
        [
            [0.9, 0.1, 0.0, 0.0],  # right
            [0.9, 0.1, 0.0, 0.0],  # wrong, second
            [0.4, 0.3, 0.2, 0.1],  # wrong, third
            [0.4, 0.3, 0.2, 0.1],  # wrong, fourth
        ]
    )
    measured = measure_calibration(probabilities, np.array([0, 1, 2, 3]))
    assert (measured.accuracy, measured.top_3, measured.count) == (0.25, 0.75, 4)
    assert measured.confidence == pytest.approx(0.65)
    # Bins .9 (2 of them, half right) and .4 (2, none right): (|.9 - .5| + |.4 - 0|) / 2
    assert measured.error == pytest.approx(0.4)
    assert [count for count, _, _ in measured.bins] == [0, 0, 0, 0, 2, 0, 0, 0, 0, 2]


def test_perfect_confidence_has_no_error():
    measured = measure_calibration(np.eye(3), np.array([0, 1, 2]))
    assert (measured.accuracy, measured.error) == (1, 0)
