import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.attention import ReferenceAttention, SelfAttention

FEATURES = np.random.default_rng(0).normal(size=(2, 6, 4, 16)).astype(np.float32)


@pytest.fixture
def layer():
    tf.random.set_seed(1)
    layer = SelfAttention(init_stddev=0.5)
    layer.build(FEATURES.shape)
    for convolution in (layer.query, layer.key, layer.value, layer.output_convolution):
        bias = np.random.default_rng(2).normal(size=convolution.bias.shape)
        convolution.bias.assign(bias)
    return layer


def by_hand(layer, features):
    """SAGAN's Eq. 1 to 3, one image and one place at a time."""

    def convolved(convolution, values):
        return values @ convolution.kernel.numpy()[0, 0] + convolution.bias.numpy()

    def pooled(values):
        height, width, channels = values.shape
        return values.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))

    result = features.copy()
    for image, values in enumerate(features):
        key = pooled(convolved(layer.key, values)).reshape(-1, layer.key.filters)
        value = pooled(convolved(layer.value, values)).reshape(-1, layer.value.filters)
        for position in np.ndindex(values.shape[:2]):
            scores = key @ convolved(layer.query, values[position])
            weights = np.exp(scores - scores.max())
            attended = (weights / weights.sum()) @ value
            result[image][position] += layer.gamma.numpy() * convolved(
                layer.output_convolution, attended
            )
    return result


def test_equals_the_paper_s_equations(layer):
    layer.gamma.assign(0.7)
    np.testing.assert_allclose(layer(FEATURES), by_hand(layer, FEATURES), rtol=1e-4, atol=1e-5)


def test_a_fresh_layer_passes_its_input_through(layer):
    assert layer.gamma.numpy() == 0
    np.testing.assert_array_equal(layer(FEATURES), FEATURES)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_a_far_place_counts_once_gamma_is_not_zero(layer, gamma):
    layer.gamma.assign(gamma)
    changed = FEATURES.copy()
    changed[:, -1, -1] += 3
    difference = np.abs(layer(changed) - layer(FEATURES))[:, 0, 0]
    assert (difference.max() > 1e-3) == (gamma != 0)


def test_images_of_a_batch_do_not_see_each_other(layer):
    layer.gamma.assign(1.0)
    np.testing.assert_allclose(layer(FEATURES)[:1], layer(FEATURES[:1]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("channels", "narrow", "middle"), [(16, 2, 8), (4, 1, 2), (1, 1, 1)])
def test_channels_of_queries_keys_and_values(channels, narrow, middle):
    layer = SelfAttention(init_stddev=0.02)
    assert layer(tf.zeros([1, 4, 4, channels])).shape == (1, 4, 4, channels)
    filters = [layer.query.filters, layer.key.filters, layer.value.filters]
    assert filters == [narrow, narrow, middle]


def test_gamma_learns_from_the_start(layer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(FEATURES) ** 2)
    assert abs(tape.gradient(loss, layer.gamma.value)) > 0


def test_the_authors_attention_renames_where_it_should_exchange():
    """Written out in PyTorch's order, channels first, as their code has it."""
    layer = ReferenceAttention(init_stddev=0.5)
    expected = layer(FEATURES)  # also builds it
    image = np.transpose(FEATURES[1], (2, 0, 1))  # [C, H, W]
    channels, height, width = image.shape

    def convolved(convolution):
        kernel, bias = convolution.get_weights()
        return np.einsum("chw,cd->dhw", image, kernel[0, 0]) + bias[:, None, None]

    def pooled(values):
        return values.reshape(-1, height // 2, 2, width // 2, 2).max(axis=(2, 4))

    query = convolved(layer.query).reshape(channels // 4, -1).T
    key = pooled(convolved(layer.key)).reshape(channels // 4, -1)
    scores = np.exp(query @ key)
    value = pooled(convolved(layer.value)).reshape(height * width // 4, channels)  # renamed
    attended = (scores / scores.sum(1, keepdims=True)) @ value
    by_hand = image + attended.reshape(channels, height, width)  # and again
    np.testing.assert_allclose(np.transpose(expected[1], (2, 0, 1)), by_hand, atol=1e-4)


def test_the_authors_attention_needs_four_channels():
    with pytest.raises(ValueError, match="4 channels or more; received 2"):
        ReferenceAttention(init_stddev=0.02).build((None, 4, 4, 2))
