import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import ModelConfig
from cargan_tf.models.unet import UNet

TINY = ModelConfig(generator_width=4, discriminator_width=4, init_stddev=0.2)
SEED = tf.constant([1, 2])


def built(size, config=TINY, channels=4):
    network = UNet(size, config)
    network(tf.zeros([1, size, size, channels]))
    return network


@pytest.fixture(scope="module")
def network():
    return built(64)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 4)).astype(np.float32)


@pytest.mark.parametrize(("size", "depth"), [(32, 5), (64, 6), (128, 7), (256, 8)])
def test_one_level_for_each_halving_down_to_one_place(size, depth):
    network = UNet(size, TINY)
    assert (len(network.down), len(network.up)) == (depth, depth - 1)  # and to_image


@pytest.mark.parametrize("channels", [1, 17])
def test_draws_images_in_range_of_any_input_channels(channels):
    network = built(32, channels=channels)
    images = network(tf.random.stateless_normal([3, 32, 32, channels], SEED, stddev=9.0)).image
    assert images.shape == (3, 32, 32, 3)
    assert np.abs(images).max() <= 1


def test_the_innermost_map_is_one_place(network, image):
    features = tf.constant(image)
    for block in network.down:
        features = block(features)
    assert features.shape == (2, 1, 1, 32)  # 8 times the first width, as at every level from 3


@pytest.mark.parametrize(("size", "levels"), [(32, []), (64, [3]), (128, [3, 4]), (256, [3, 4, 5])])
def test_dropout_sits_in_the_wide_blocks_but_the_innermost(size, levels):
    with_dropout = [block.name for block in UNet(size, TINY).up if block.dropout]
    assert sorted(with_dropout) == [f"up_{level}" for level in levels]


def test_the_inner_layers_are_as_wide_as_configured_and_draw_all_the_same(image):
    network = built(64, TINY.model_copy(update={"max_width_multiplier": 2}))
    assert [block.convolution.filters for block in network.down] == [4, 8, 8, 8, 8, 8]
    assert [block.convolution.filters for block in network.up] == [8, 8, 8, 8, 4]
    assert network(tf.constant(image)).image.shape == (2, 64, 64, 3)


@pytest.mark.parametrize(("skipped", "same"), [(5, True), (4, False), (0, False)])
def test_without_skips_only_the_innermost_place_is_known(image, skipped, same):
    network = UNet(64, TINY, dropped_skips=skipped)
    network(tf.constant(image))
    innermost = network.down[-1].convolution
    innermost.kernel.assign(tf.zeros_like(innermost.kernel))  # a code that says nothing
    first, second = network(tf.constant(image)).image, network(tf.constant(-image)).image
    assert np.allclose(first, second, atol=1e-6) == same


@pytest.mark.parametrize(
    ("attention", "count", "names"),
    [("sagan", 2, ["up_1", "up_0"]), ("sagan", 1, ["up_1"]), ("none", 2, [])],
)
def test_attention_sits_before_the_last_two_convolutions(attention, count, names):
    network = UNet(
        64, TINY.model_copy(update={"attention": attention, "generator_attentions": count})
    )
    assert [block.name for block in network.up if block.attention] == names
    assert [block.name for block in network.up][-2:] == ["up_1", "up_0"]


def test_no_norm_at_the_first_and_the_innermost_level(network):
    assert [block.norm is not None for block in network.down] == [False, *[True] * 4, False]
    assert [block.convolution.use_bias for block in network.down] == [True, *[False] * 4, True]


def test_detail_passes_by_the_innermost_map(network, image):
    """Skip connections: with the bottleneck silenced, the input still shapes the image."""
    innermost = network.up[0].convolution
    kept = innermost.get_weights()
    innermost.set_weights([np.zeros_like(values) for values in kept])
    try:
        first, second = network(image).image
    finally:
        innermost.set_weights(kept)
    assert np.abs(first - second).mean() > 1e-3


@pytest.mark.parametrize("level", range(5))
def test_every_level_is_skipped_through(network, image, level):
    """What an encoder block leaves reaches the image even if the next one hears nothing."""
    deeper = network.down[level + 1].convolution
    kept = deeper.get_weights()
    deeper.set_weights([np.zeros_like(values) for values in kept])
    try:
        first, second = network(image).image
    finally:
        deeper.set_weights(kept)
    assert np.abs(first - second).max() > 1e-4


def test_dropout_moves_the_image_in_training_only(network, image):
    generated = [network(image, seed=SEED + shift, training=True).image for shift in (0, 0, 1)]
    np.testing.assert_array_equal(generated[0], generated[1])
    assert np.abs(generated[0] - generated[2]).max() > 1e-3
    np.testing.assert_array_equal(network(image).image, network(image, seed=SEED).image)


def test_parameters_are_those_of_pix2pix_s_unet_128():
    config = ModelConfig(generator_width=64, attention="none")
    network = built(128, config, channels=3)
    # Down: 3-64-128-256-512-512-512-512; up: 512-512-512-256-128-64, skips doubling the input.
    down = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512)]
    up = [(512, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]
    kernels = 16 * sum(before * after for before, after in down + up)
    biases = 64 + 512 + 3
    norms_down = 2 * (128 + 256 + 512 + 512 + 512)
    norms_up = 2 * (512 + 512 + 512 + 256 + 128 + 64)
    trainable = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    assert trainable == kernels + norms_down + norms_up + biases
    # pix2pix counts 41.829 million: it has no bias in its first and its innermost convolution.
    assert trainable - 64 - 512 == 41_828_995


def test_the_authors_encoder_has_no_bias():
    network = built(32, TINY.model_copy(update={"encoder_bias": False}))
    assert not any(block.convolution.use_bias for block in network.down)
    assert network.to_rgb.use_bias
