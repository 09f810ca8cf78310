import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.models.dcgan import ConvDecoder, ConvEncoder, PairDiscriminator, encoder_widths


@pytest.mark.parametrize(
    ("size", "widths"), [(32, [2, 4, 8]), (64, [2, 4, 8, 16]), (256, [2, 4, 8, 16, 16, 16])]
)
def test_images_go_down_to_four_by_four_and_up_again(size, widths):
    assert encoder_widths(size, 2) == widths
    maps = ConvEncoder(size, 2, 0.02)(tf.zeros([1, size, size, 3]))
    assert maps.shape == (1, 4, 4, widths[-1])
    image = ConvDecoder(size, 3, 2, 0.02)(tf.zeros([2, 7]))
    assert image.shape == (2, size, size, 3)


def test_an_image_stays_in_range():
    up = ConvDecoder(32, 1, 4, init_stddev=3.0)
    image = up(tf.random.stateless_normal([3, 7], (0, 0)), training=True).numpy()
    assert image.shape == (3, 32, 32, 1)
    assert 0.9 < np.abs(image).max() <= 1


def layers():
    """Each layer, and something to call it on."""
    normal = tf.random.stateless_normal
    return {
        "down": (ConvEncoder(32, 2, 0.5), normal([3, 32, 32, 1], (0, 1))),
        "up": (ConvDecoder(32, 1, 2, 0.5), normal([3, 7], (0, 1))),
        "evaluator": (PairDiscriminator(5, 0.5), normal([3, 4, 4, 6], (0, 1))),
    }


@pytest.mark.parametrize("name", layers())
def test_statistics_move_when_they_may_and_count_at_inference(name):
    layer, inputs = layers()[name]
    before = layer(inputs).numpy()
    discriminated = layer(inputs, training=True, update_statistics=False)
    np.testing.assert_array_equal(layer(inputs), before)
    np.testing.assert_array_equal(layer(inputs, training=True), discriminated)
    assert np.any(layer(inputs) != before)


def test_one_logit_a_pair():
    assert PairDiscriminator(5, 0.02)(tf.zeros([3, 4, 4, 6])).shape == (3, 1, 1, 1)
