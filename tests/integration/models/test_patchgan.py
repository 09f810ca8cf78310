from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import ModelConfig, override
from cargan_tf.models.patchgan import PatchGAN, new_discriminator

TINY = ModelConfig(discriminator_width=4, init_stddev=0.2)
PAIRS = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    network = PatchGAN(TINY)
    network(PAIRS)
    return network


def test_maps_of_16_become_15_then_14_at_128_pixels():
    network, sizes = PatchGAN(TINY), []
    features = tf.zeros([1, 128, 128, 4])
    for block in network.blocks:
        features = block(features)
        sizes.append(features.shape[1])
    assert sizes == [64, 32, 16, 15]
    assert network(tf.zeros([1, 128, 128, 4])).shape == (1, 14, 14, 1)


@pytest.mark.parametrize(("size", "patches"), [(32, 2), (64, 6), (256, 30)])
def test_one_logit_a_patch(size, patches):
    narrow = PatchGAN(TINY.model_copy(update={"attention": "none"}))
    assert narrow(tf.zeros([2, size, size, 4])).shape == (2, patches, patches, 1)


def test_a_patch_is_70_pixels_wide():
    network = PatchGAN(TINY.model_copy(update={"attention": "none"}))
    pairs = tf.Variable(tf.random.stateless_normal([1, 128, 128, 4], [1, 2]))
    with tf.GradientTape() as tape:
        logit = network(pairs)[0, 7, 7, 0]
    seen = np.abs(tape.gradient(logit, pairs)[0]).sum(-1) > 0
    assert seen.any(1).sum() == seen.any(0).sum() == 70


def test_attention_follows_the_second_and_the_third_convolution(network):
    assert [block.attention is not None for block in network.blocks] == [False, True, True, False]


def test_the_first_convolution_is_not_normalized(network):
    assert [block.norm is not None for block in network.blocks] == [False, True, True, True]


def test_statistics_move_in_training_unless_told_to_stay(network):
    def statistics():
        return [variable.numpy().copy() for variable in network.non_trainable_variables]

    before = statistics()
    network(PAIRS, training=True, update_statistics=False)
    for left, right in zip(before, statistics(), strict=True):
        np.testing.assert_array_equal(left, right)
    network(PAIRS, training=True)
    assert all(np.any(a != b) for a, b in zip(before, statistics(), strict=True))


def test_parameters_at_width_64_are_pix2pix_s():
    network = PatchGAN(ModelConfig(attention="none"))
    network(tf.zeros([1, 32, 32, 6]))
    widths = [6, 64, 128, 256, 512, 1]
    kernels = 16 * sum(a * b for a, b in pairwise(widths))
    norms_and_biases = 2 * (128 + 256 + 512) + 64 + 1
    assert sum(int(np.prod(v.shape)) for v in network.trainable_variables) == (
        kernels + norms_and_biases
    )


def test_the_authors_tanh_squeezes_the_logits(network):
    squeezed = PatchGAN(TINY.model_copy(update={"discriminator_tanh": True}))
    squeezed(PAIRS)
    squeezed.set_weights(network.get_weights())
    np.testing.assert_allclose(squeezed(PAIRS), np.tanh(network(PAIRS)), atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "channels"),
    [
        ([], 4),
        (["model.discriminator_label=audio"], 7),
        (["model.discriminator_label=authors"], 7),
        (["model.spectrogram=jet", "audio.log_mel_scale=clip"], 6),
    ],
)
def test_it_is_made_for_what_it_will_see(tiny_config, texts, channels):
    config = override(tiny_config, ["data.image_size=32", *texts])
    made = new_discriminator(config, label_count=3)
    assert made.blocks[0].convolution.kernel.shape[2] == channels


def test_spectral_norm_takes_the_place_of_batch_norm():
    network = PatchGAN(TINY.model_copy(update={"discriminator_norm": "spectral"}))
    maps = network.feature_maps(PAIRS, training=True, update_statistics=False)
    assert [features.shape[1:3] for features in maps] == [
        (32, 32),
        (16, 16),
        (8, 8),
        (7, 7),
        (6, 6),
    ]
    assert all(block.norm is None for block in network.blocks)
    vectors = [variable.numpy().copy() for variable in network.non_trainable_variables]
    assert [len(vector) for vector in vectors] == [4, 8, 16, 32, 1]
    np.testing.assert_array_equal(network(PAIRS, training=True), maps[-1])  # and moves statistics
    for before, after in zip(vectors[:-1], network.non_trainable_variables, strict=False):
        assert np.any(before != after.numpy())
    # A kernel's size is nothing to it.
    before = network(PAIRS)
    network.to_logits.kernel.assign(7 * network.to_logits.kernel)
    np.testing.assert_allclose(network(PAIRS), before, rtol=1e-4, atol=1e-6)
