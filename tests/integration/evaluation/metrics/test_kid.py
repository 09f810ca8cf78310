import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.kid import BLOCKS, LEAST, kid
from cargan_tf.evaluation.metrics.tfgan import kernel_distance
from cargan_tf.evaluation.networks.feature_network import FEATURES


@pytest.fixture
def figure(inputs, activations_of):
    def measure(fake, real):
        classes = np.arange(len(fake)) % 3
        return kid(inputs(classes, activations={FEATURES: activations_of(fake=fake, real=real)}))

    return measure


def by_hand(first, second):
    """Unbiased MMD² with the kernel (xy/F + 1)³."""
    size = first.shape[1]
    within = [
        ((part @ part.T / size + 1) ** 3)[~np.eye(len(part), dtype=bool)].mean()
        for part in (first, second)
    ]
    return sum(within) - 2 * ((first @ second.T / size + 1) ** 3).mean()


def test_it_is_the_mean_over_parts_of_the_shuffled_pictures(figure):
    features = np.random.default_rng(0).normal(size=(2, 2 * LEAST, 6))
    fake, real = features[0] + 0.5, features[1]
    found = figure(fake, real)
    order = np.random.default_rng(0).permutation(2 * LEAST)
    parts = np.split(order, BLOCKS)
    values = [by_hand(real[part], fake[part]) for part in parts]
    assert found.value == pytest.approx(np.mean(values), rel=1e-4)
    assert found.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(BLOCKS), rel=1e-4)
    assert (found.images, found.real, found.network) == (2 * LEAST, 2 * LEAST, "seer")
    assert abs(found.floor) < found.value


def test_pictures_in_the_order_of_their_classes_are_mixed(figure):
    steps = np.repeat(np.arange(4.0), LEAST // 2)[:, None] * np.ones((1, 3))
    # Equal sets, but worlds apart where part by part is compared in this order and its reverse.
    unmixed, _ = kernel_distance(steps, steps[::-1], BLOCKS)
    assert abs(figure(steps, steps[::-1]).value) < unmixed / 5


def test_too_few_pictures_are_not_measured(figure):
    few = np.zeros((LEAST - 1, 3))
    with pytest.raises(NotMeasured, match="at least 20 images; there are 19"):
        figure(few, few)


def test_as_few_as_allowed_have_no_floor(figure):
    few = np.random.default_rng(0).normal(size=(LEAST, 3))
    found = figure(few, few)
    assert found.floor is None
    assert np.isfinite([found.value, found.standard_error]).all()
