"""``model.warp``: what is moved where, against SciPy and TensorFlow's own resizing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from cargan_tf.config import override
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.warp import FLOW_UNIT, FlowHead, add_flows, interpolation_matrix, warp

HEIGHT, WIDTH = 12, 20
LABEL = tf.constant([[0.0, 1.0], [1.0, 0.0]])
SOUND = tf.random.stateless_uniform([2, 32, 32, 1], [1, 2], -1, 1)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(-1, 1, (2, HEIGHT, WIDTH, 3)).astype(np.float32)


def flow_of(down, right):
    """The flow of that many pixels, [1, 2, H, W]."""
    flow = np.stack(np.broadcast_arrays(down, right, np.zeros((HEIGHT, WIDTH)))[:2])
    return tf.constant(flow[None] / FLOW_UNIT / [[[HEIGHT]], [[WIDTH]]], tf.float32)


def test_a_flow_of_whole_pixels_fetches_the_pixels_from_there(image):
    moved = warp(image[:1], flow_of(2, -3)).numpy()
    np.testing.assert_allclose(moved[:, :-2, 3:], image[:1, 2:, :-3], atol=1e-5)


def test_beyond_the_edge_the_edge_goes_on(image):
    moved = warp(image[:1], flow_of(-5, 0)).numpy()
    np.testing.assert_allclose(moved[0, :6], np.repeat(image[0, :1], 6, axis=0), atol=1e-5)


def test_between_pixels_it_is_bilinear(image):
    random = np.random.default_rng(1)
    pixels = random.uniform(-4, 4, (2, 2, HEIGHT, WIDTH))
    flow = tf.concat([flow_of(*of_one) for of_one in pixels], 0)
    moved = warp(image, flow).numpy()
    grid = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(2):
        for channel in range(3):
            expected = map_coordinates(
                image[index, ..., channel], grid + pixels[index], order=1, mode="nearest"
            )
            np.testing.assert_allclose(moved[index, ..., channel], expected, atol=1e-4)


def test_the_gradient_of_the_flow_is_the_slope_of_the_image():
    ramp = np.broadcast_to(np.arange(WIDTH, dtype=np.float32)[:, None], (1, HEIGHT, WIDTH, 3))
    flow = flow_of(0.3, 0.3)
    with tf.GradientTape() as tape:
        tape.watch(flow)
        moved = warp(tf.constant(ramp), flow)
    slope = tape.gradient(moved, flow).numpy()[0, :, 1:-1, 1:-1]
    np.testing.assert_allclose(slope[0], 0, atol=1e-4)
    np.testing.assert_allclose(slope[1], 3 * WIDTH * FLOW_UNIT, rtol=1e-4)


def test_a_flow_that_is_no_number_leads_nowhere_outside(image):
    assert warp(image[:1], flow_of(np.nan, np.inf)).shape == (1, HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(("size", "new_size"), [(4, 8), (9, 17), (5, 5)])
def test_flows_are_enlarged_as_images_are(size, new_size):
    line = np.random.default_rng(2).normal(size=(1, size, 1, 1)).astype(np.float32)
    expected = tf.image.resize(line, [new_size, 1])[0, :, 0, 0]
    enlarged = interpolation_matrix(size, new_size) @ line[0, :, 0, 0]
    np.testing.assert_allclose(enlarged, expected, atol=1e-5)


def test_levels_of_a_flow_add_up():
    coarse, fine = tf.ones([1, 2, 3, 4]), tf.fill([1, 2, 6, 8], 0.5)
    np.testing.assert_allclose(add_flows(coarse, fine), np.full((1, 2, 6, 8), 1.5), atol=1e-6)
    assert add_flows(None, fine) is fine


def test_a_new_level_moves_nothing():
    features = tf.random.stateless_normal([2, 4, 4, 5], [0, 1])
    np.testing.assert_array_equal(FlowHead()(features), np.zeros((2, 2, 4, 4)))


@pytest.fixture(scope="module")
def cascade(tiny_config):
    """A cascade with photos of one player of each label."""
    texts = ["data.image_size=32", "model.players=1", "model.player_photo=true", "model.warp=true"]
    keras.utils.set_random_seed(0)
    cascade = new_cascade(override(tiny_config, texts), 2)
    photos = np.random.default_rng(3).integers(0, 256, cascade.player_photos.shape, np.uint8)
    cascade.player_photos.assign(photos)
    return cascade


def set_flow(generator, down, right):
    """Add nothing and move everything by so many pixels of 32."""
    kernel, _ = generator.to_rgb.get_weights()
    generator.to_rgb.set_weights([np.zeros_like(kernel), np.array([0, 0, 0, down, right])])


def test_the_second_stage_moves_on_from_the_first(cascade):
    photos = cascade.player_photos.numpy()[::-1] / 127.5 - 1  # the first sound is of label 1
    set_flow(cascade.coarse_generator, 3, 0)
    set_flow(cascade.refined_generator, 1, -2)
    stages = cascade(SOUND, LABEL)
    np.testing.assert_allclose(stages.coarse[:, :-3], photos[:, 3:], atol=1e-4)
    np.testing.assert_allclose(stages.refined[:, :-4, 2:], photos[:, 4:, :-2], atol=1e-4)


def test_all_levels_of_the_decoder_learn_the_flow(cascade):
    variables = [head.convolution.kernel for head in cascade.coarse_generator.to_flow if head]
    assert len(variables) == 2  # 8x8 and 16x16; to_rgb gives that of 32x32
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(cascade(SOUND, LABEL, training=True, seed=[1, 2]).coarse))
    for gradient in tape.gradient(loss, [variable.value for variable in variables]):
        assert np.abs(gradient).max() > 0
