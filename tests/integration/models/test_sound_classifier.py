import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.sound_classifier import SoundClassifier, new_sound_classifier

SOUNDS = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 64, 64, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def network(tiny_config):
    return new_sound_classifier(tiny_config, 5)


def test_one_row_of_logits_a_sound(network):
    assert network(SOUNDS).shape == (2, 5)
    assert np.abs(network(SOUNDS[:1]) - network(SOUNDS[1:])).max() > 0


def test_a_louder_sound_is_the_same_sound(network):
    """Loudness lifts a standardized log-mel by about the same everywhere."""
    np.testing.assert_allclose(network(SOUNDS + 0.3), network(SOUNDS), atol=1e-5)


def test_a_larger_spectrogram_is_looked_at_in_less_detail(network):
    smooth = tf.image.resize(SOUNDS[:, ::8, ::8], (256, 256))
    smaller = tf.image.resize(smooth, (64, 64), antialias=True)
    np.testing.assert_allclose(network(smooth), network(smaller), atol=1e-6)


def test_the_authors_pictures_are_turned(tiny_config):
    """Their time runs downwards."""
    jet = override(tiny_config, ["model.spectrogram=jet", "audio.log_mel_scale=clip"])
    turning, plain = (SoundClassifier(config, 5) for config in (jet, tiny_config))
    images = np.repeat(SOUNDS, 3, axis=-1)
    turned = images.transpose(0, 2, 1, 3)
    assert turning(images).shape == plain(turned).shape == (2, 5)
    turning.set_weights(plain.get_weights())
    np.testing.assert_array_equal(turning(images), plain(turned))
