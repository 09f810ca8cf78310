import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.models.base import precision_scope
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.layers import BatchNorm
from cargan_tf.models.patchgan import new_discriminator

SOUND = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
LABEL = np.eye(3, dtype=np.float32)[:2]


def generated(config, precision):
    keras.utils.set_random_seed(0)
    with precision_scope(precision):
        cascade = new_cascade(config, 3)
        discriminator = new_discriminator(config, 3)
    stages = cascade(tf.constant(SOUND), tf.constant(LABEL))
    logits = discriminator(tf.concat([SOUND, stages.refined], -1))
    return {**stages._asdict(), "logits": logits}


def test_half_the_precision_draws_the_same_image_and_gives_float32(tiny_config):
    config = override(tiny_config, ["data.image_size=32", "model.pose=true"])
    to_float32, half = generated(config, "float32"), generated(config, "bfloat16")
    for name, values in half.items():
        assert values.dtype == tf.float32
        assert np.abs(values - to_float32[name]).mean() < 0.03 * np.abs(to_float32[name]).max()
    assert np.any(half["refined"] != to_float32["refined"])


def test_layers_made_afterwards_are_float32_again():
    def fail():
        with precision_scope("bfloat16"):
            raise ValueError(keras.layers.Dense(1).compute_dtype)

    with pytest.raises(ValueError, match="bfloat16"):
        fail()
    assert keras.layers.Dense(1).compute_dtype == "float32"


@pytest.mark.parametrize("channels", [5, 16])
def test_batch_norm_keeps_its_statistics_in_float32(channels):
    features = np.random.default_rng(0).normal(100, 1, (4, 8, 8, channels)).astype(np.float32)
    narrow = tf.cast(features, tf.bfloat16)
    with precision_scope("bfloat16"):
        norm = BatchNorm(momentum=0.0)
        normalized = norm(narrow, training=True)
    seen = tf.cast(narrow, tf.float32).numpy()
    assert normalized.dtype == tf.bfloat16
    np.testing.assert_allclose(norm.moving_mean.numpy(), seen.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), seen.var((0, 1, 2), ddof=1), rtol=1e-3)
