import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.s2ic import new_s2ic, new_s2ic_discriminator

SOUNDS = tf.random.stateless_uniform([3, 32, 32, 1], (0, 1), -1, 1)
LABELS = tf.eye(3)
SEED = tf.constant([0, 5])


@pytest.fixture(scope="module")
def config(baseline_config):
    return baseline_config("s2ic", "data.image_size=32")


@pytest.fixture(scope="module")
def network(config):
    return new_s2ic(config, 3)


def generated(network, sounds=SOUNDS, labels=LABELS, **how):
    return network(sounds, labels, **how).refined.numpy()


def test_one_stage_is_coarse_and_refined(network):
    images = network(SOUNDS, LABELS)
    assert images.coarse is images.refined
    assert images.refined.shape == (3, 32, 32, 3)
    assert np.abs(images.refined).max() <= 1


def test_one_sound_gives_one_image_in_any_batch(network):
    together = generated(network)
    np.testing.assert_allclose(
        generated(network, SOUNDS[1:2], LABELS[1:2])[0], together[1], atol=1e-5
    )


def test_the_sound_counts_and_the_label_does_not(network):
    images = generated(network)
    np.testing.assert_array_equal(generated(network, labels=tf.roll(LABELS, 1, 0)), images)
    assert np.abs(images[0] - images[1]).max() > 1e-3


def test_in_training_the_latent_vector_varies_with_the_seed(network):
    one, other = (generated(network, seed=seed, training=True) for seed in (SEED, SEED + 1))
    assert np.abs(one - other).max() > 1e-3


def test_the_encoder_tells_instruments_and_its_logits_are_of_its_features(network):
    features, logits = network.encoder(SOUNDS)
    assert (features.shape, logits.shape) == ((3, 8), (3, 3))
    np.testing.assert_allclose(network.encoder.to_logits(features), logits, rtol=1e-6)


def test_the_discriminator_hears_and_sees(config):
    discriminator = new_s2ic_discriminator(config)
    images, features = tf.tanh(3 * tf.tile(SOUNDS, [1, 1, 1, 3])), tf.random.normal([3, 8])
    logits = discriminator(images, features).numpy()
    assert logits.shape == (3, 1, 1, 1)
    assert np.all(discriminator(images, tf.roll(features, 1, 0)) != logits)
    assert np.all(discriminator(tf.roll(images, 1, 0), features) != logits)


def test_jet_spectrograms_have_three_channels(baseline_config):
    texts = ("data.image_size=32", "audio.log_mel_scale=clip", "model.spectrogram=jet")
    network = new_s2ic(baseline_config("s2ic", *texts), 3)
    assert generated(network, tf.tile(SOUNDS, [1, 1, 1, 3])).shape == (3, 32, 32, 3)
