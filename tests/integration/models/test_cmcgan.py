import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.cmcgan import new_cmcgan, new_joint_discriminator

SOUNDS = tf.random.stateless_uniform([3, 32, 32, 1], (0, 1), -1, 1)
PHOTOS = tf.random.stateless_uniform([3, 32, 32, 3], (0, 2), -1, 1)
LABELS = tf.eye(3)
SEED = tf.constant([0, 5])
PARTS = ("sound_encoder", "image_encoder", "sound_decoder", "image_decoder")


@pytest.fixture(scope="module")
def config(baseline_config):
    return baseline_config("cmcgan", "data.image_size=32")


@pytest.fixture(scope="module")
def network(config):
    return new_cmcgan(config)


def generated(network, sounds=SOUNDS, labels=LABELS, **how):
    return network(sounds, labels, **how).refined.numpy()


def test_an_image_is_drawn_by_a_to_v(network):
    images = network(SOUNDS, LABELS)
    assert images.coarse is images.refined
    expected = network.image_decoder(network.sound_encoder(SOUNDS))
    np.testing.assert_array_equal(images.refined, expected)
    assert images.refined.shape == (3, 32, 32, 3)


def test_one_sound_gives_one_image_in_any_batch(network):
    together = generated(network)
    np.testing.assert_allclose(
        generated(network, SOUNDS[1:2], LABELS[1:2])[0], together[1], atol=1e-5
    )


def test_the_sound_counts_and_the_label_does_not(network):
    images = generated(network)
    np.testing.assert_array_equal(generated(network, labels=tf.roll(LABELS, 1, 0)), images)
    assert np.abs(images[0] - images[1]).max() > 1e-3


def moved_by(network, chosen):
    """The parts whose weights ``chosen`` of the cycles depends on."""
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(chosen(network.cycles(SOUNDS, PHOTOS, SEED)) ** 2)
    variables = [network.get_layer(part).trainable_variables for part in PARTS]
    gradients = tape.gradient(total, [[v.value for v in part] for part in variables])
    return {
        part
        for part, grads in zip(PARTS, gradients, strict=True)
        if any(g is not None and np.abs(g).max() > 0 for g in grads)
    }


@pytest.mark.parametrize(
    ("name", "channels", "through"),
    [
        ("image", 3, {"sound_encoder", "image_decoder"}),
        ("sound", 1, {"image_encoder", "sound_decoder"}),
        ("photo_again", 3, {"image_encoder", "image_decoder"}),
        ("sound_again", 1, {"sound_encoder", "sound_decoder"}),
        ("photo_around", 3, set(PARTS)),
        ("sound_around", 1, set(PARTS)),
    ],
)
def test_each_path_goes_through_its_sub_networks(network, name, channels, through):
    cycles = network.cycles(SOUNDS, PHOTOS, SEED)
    assert getattr(cycles, name).shape == (3, 32, 32, channels)
    assert moved_by(network, lambda cycles: getattr(cycles, name)) == through


@pytest.mark.parametrize(
    ("signs", "untouched"),
    [
        ((-1, 1), {"sound", "photo_again", "photo_around"}),
        ((1, -1), {"image", "sound_again", "sound_around"}),
    ],
    ids=["of the photo", "of the sound"],
)
def test_a_path_begins_where_its_name_says(network, signs, untouched):
    before = network.cycles(SOUNDS, PHOTOS, SEED)
    after = network.cycles(signs[0] * SOUNDS, signs[1] * PHOTOS, SEED)
    same = [np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert {name for name, equal in zip(before._fields, same, strict=True) if equal} == untouched


def test_moving_statistics_are_those_of_real_data_on_its_way_across(config):
    network, other = new_cmcgan(config), new_cmcgan(config)
    other.set_weights(network.get_weights())
    network.cycles(SOUNDS, PHOTOS, SEED)
    seeds = tf.unstack(tf.random.split(SEED, 6))
    other.image_decoder(other.sound_encoder(SOUNDS, training=True), seeds[0], training=True)
    other.sound_decoder(other.image_encoder(PHOTOS, training=True), seeds[1], training=True)
    for ours, theirs in zip(network.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_the_discriminator_hears_and_sees(config):
    discriminator = new_joint_discriminator(config)
    logits = discriminator(PHOTOS, SOUNDS).numpy()
    assert logits.shape == (3, 1, 1, 1)
    assert np.all(discriminator(PHOTOS, tf.roll(SOUNDS, 1, 0)) != logits)
    assert np.all(discriminator(tf.roll(PHOTOS, 1, 0), SOUNDS) != logits)
