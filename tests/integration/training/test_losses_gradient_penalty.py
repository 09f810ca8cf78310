import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import ModelConfig
from cargan_tf.models import patchgan
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.losses import gradient_penalty

RANDOM = np.random.default_rng(0)
PHOTO = tf.constant(RANDOM.uniform(-1, 1, (2, 32, 32, 3)), tf.float32)


def test_it_is_half_the_square_of_the_mean_patch_s_slope():
    """Of ``2 x² + x`` at one pixel a patch, of four: slopes are (4 x + 1) / 4."""
    photo = tf.constant(RANDOM.uniform(-1, 1, (3, 2, 2, 3)), tf.float32)
    first = photo.numpy()[..., :1]
    found = gradient_penalty(lambda x: 2 * x[..., :1] ** 2 + x[..., :1], photo)
    expected = np.sum(((4 * first + 1) / 4) ** 2, axis=(1, 2, 3)) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_d_learns_from_it_as_differences_say(monkeypatch, norm):
    """Second-order gradients through convolutions, norms, attention and max-pooling.

    A leaky ReLU's slope jumps, which differences see and gradients do not: a smooth one instead.
    """
    monkeypatch.setattr(patchgan, "leaky_relu", lambda features, after_bias: tf.nn.elu(features))
    keras.utils.set_random_seed(1)
    network = PatchGAN(ModelConfig(discriminator_width=4, init_stddev=0.2, discriminator_norm=norm))
    network(tf.zeros([1, 32, 32, 3]))
    for block in network.blocks[1:3]:
        block.attention.gamma.assign(0.5)
    for _ in range(20 * (norm == "spectral")):  # until σ's vectors rest
        network(PHOTO, training=True)

    @tf.function
    def penalty():
        def evaluator(photo):
            return network(photo, training=True, update_statistics=False)

        return tf.reduce_sum(gradient_penalty(evaluator, PHOTO))

    with tf.GradientTape() as tape:
        value = penalty()
    kernels = [network.blocks[0].convolution.kernel, network.blocks[2].attention.value.kernel]
    gradients = tape.gradient(value, [kernel.value for kernel in kernels])
    for kernel, gradient in zip(kernels, gradients, strict=True):
        size = 1e-2 * np.linalg.norm(kernel) / np.linalg.norm(gradient)
        ahead, values = size * gradient, []
        for sign in (1, -2):
            kernel.assign(kernel + sign * ahead)
            values.append(float(penalty()))
        kernel.assign(kernel + ahead)
        expected = 2 * size * np.linalg.norm(gradient) ** 2
        assert values[0] - values[1] == pytest.approx(expected, rel=0.05)
