"""Two ways, one result: their detours cost time and move the weights alike."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.authors_step import AuthorsStep
from benchmarks.networks import random_batch
from cargan_tf.config import load_config
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.steps.cargan_step import CarganStep

LABELS = 13
TINY = [
    *("data.image_size=32", "training.batch_size=2"),
    *("model.generator_width=4", "model.discriminator_width=4"),
    *("classifier.blocks=[1, 1, 1, 1]", "classifier.width=4"),
    *("classifier.weights=none", "loss.double_softmax=false"),
]


def after_two_steps(kind):
    config = load_config("authors", TINY)
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope():
        cascade, evaluator = new_cascade(config, LABELS), new_discriminator(config, LABELS)
        step = kind(config, cascade, evaluator, strategy, steps_per_epoch=10)
    batch = random_batch(config)
    losses = [{name: float(loss) for name, loss in step(batch).items()} for _ in range(2)]
    weights = [v.numpy() for v in (*cascade.generator_variables, *evaluator.variables)]
    return losses[1], weights


@pytest.mark.slow
def test_their_way_moves_the_weights_as_ours_does(eager):
    their_losses, theirs = after_two_steps(AuthorsStep)
    our_losses, ours = after_two_steps(CarganStep)
    for left, right in zip(theirs, ours, strict=True):
        # Adam divides by the gradient's size, so where that is round-off a step may turn round.
        np.testing.assert_allclose(left, right, atol=4 * 8e-4, rtol=0)
        assert np.mean(np.abs(left - right) > 1e-5) < 0.02
    for name, loss in their_losses.items():
        np.testing.assert_allclose(loss, our_losses[name], rtol=1e-3)
