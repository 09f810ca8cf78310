import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.experiments.smooth_classifier import between, slope_of_loss, train_classifier
from cargan_tf.config import load_config
from cargan_tf.models.classifier import Classifier

COUNT, SIZE, LABELS = 6, 32, 3


@pytest.fixture(scope="module")
def photos():
    small = np.random.default_rng(0).uniform(-1, 1, (COUNT, 4, 4, 3)).astype(np.float32)
    return tf.image.resize(small, (SIZE, SIZE)).numpy()


@pytest.fixture(scope="module")
def labels():
    return np.eye(LABELS, dtype=np.float32)[np.arange(COUNT) % LABELS]


@pytest.fixture
def new_classifier(photos):
    overrides = ["classifier.blocks=[1, 1, 1, 1]", "classifier.width=4", f"data.image_size={SIZE}"]

    def new():
        keras.utils.set_random_seed(0)
        network = Classifier(load_config("paper", overrides).classifier, LABELS)
        network(photos)  # makes its variables
        return network

    return new


@pytest.mark.slow
def test_with_a_penalty_it_is_less_steep_and_still_knows_most(
    new_classifier, photos, labels, monkeypatch
):
    """As means over four seeds: one short training alone may go either way."""
    steps = 200
    monkeypatch.setattr("benchmarks.experiments.smooth_classifier.STEPS", steps)
    plain = new_classifier()  # without a penalty the seed only chooses where the slope is measured
    assert train_classifier(plain, photos, labels, 0.0, seed=0)[0] == 1
    slopes, smooth_slopes = [], []
    for seed in range(4):
        images = between(photos, tf.constant([seed, steps]))
        slopes.append(slope_of_loss(plain, images, labels))
        smooth = new_classifier()
        right, slope = train_classifier(smooth, photos, labels, 0.01, seed=seed)
        smooth_slopes.append(slope)
        assert right > 0.6  # by chance 0.33
        assert not smooth.trainable_variables
    assert np.mean(smooth_slopes) < np.mean(slopes) / 2


def test_images_between_are_nearer_to_the_mean_and_smoother(photos):
    made = between(photos, tf.constant([0, 0])).numpy()
    assert made.shape == photos.shape
    mean = photos.mean(0)
    assert (np.abs(made - mean).mean((1, 2, 3)) < np.abs(photos - mean).mean((1, 2, 3))).all()
    assert (made.std((1, 2, 3)) < photos.std((1, 2, 3))).all()


def test_the_same_seed_makes_the_same_images(photos):
    one, again, other = (between(photos, tf.constant([0, number])) for number in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01
