import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.cargan import new_cascade

PLAYERS = 3


@pytest.fixture(scope="module")
def config(tiny_config):
    return override(tiny_config, ["data.image_size=32", f"model.players={PLAYERS}"])


@pytest.fixture(scope="module")
def cascade(config):
    return new_cascade(config, 2)


@pytest.fixture(scope="module")
def pairs():
    sound = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype(np.float32)
    return tf.constant(sound), tf.constant([[0.0, 1.0]])


def image(cascade, pairs, *player):
    return cascade(*pairs, *player, training=False).refined.numpy()


def test_both_stages_take_the_player(cascade, config):
    shapes = [stage.down[0].convolution.kernel.shape[2] for stage in cascade.generators]
    assert shapes == [1 + 2 + PLAYERS, 3 + 2 + PLAYERS]  # sound or image, labels, players


def test_each_player_has_an_image(cascade, pairs):
    images = [image(cascade, pairs, tf.constant([player])) for player in range(PLAYERS)]
    assert min(np.abs(images[0] - other).max() for other in images[1:]) > 1e-4


def test_the_first_player_is_the_default(cascade, pairs):
    np.testing.assert_array_equal(image(cascade, pairs), image(cascade, pairs, tf.constant([0])))


def test_an_unknown_player_is_none_of_them(cascade, pairs):
    """Its planes are 0: taking the weights of the planes away changes nothing."""
    unknown = image(cascade, pairs, tf.constant([-1]))
    kernels = [stage.down[0].convolution.kernel for stage in cascade.generators]
    before = [kernel.numpy() for kernel in kernels]
    for kernel, values in zip(kernels, before, strict=True):
        kernel.assign(np.concatenate([values[:, :, :-PLAYERS], 0 * values[:, :, -PLAYERS:]], 2))
    without = image(cascade, pairs, tf.constant([2]))
    for kernel, values in zip(kernels, before, strict=True):
        kernel.assign(values)
    np.testing.assert_allclose(unknown, without, atol=1e-6)


def test_without_the_setting_the_player_does_not_matter(tiny_config, pairs):
    cascade = new_cascade(override(tiny_config, ["data.image_size=32"]), 2)
    np.testing.assert_array_equal(
        image(cascade, pairs, tf.constant([0])), image(cascade, pairs, tf.constant([1]))
    )
