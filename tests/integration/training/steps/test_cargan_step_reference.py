"""A step as the authors' code takes it: D first, its label, half of its loss."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.training import DISCRIMINATOR_TERMS, GENERATOR_TERMS, train_discriminator

from cargan_tf.config import override


@pytest.mark.parametrize(("label", "validates"), [("none", False), ("audio", True)])
def test_the_discriminator_sees_the_label_when_told_to(
    new_cascade_step, small_config, batch, label, validates
):
    step = new_cascade_step(override(small_config, [f"model.discriminator_label={label}"]))
    other = {**batch, "label": tf.roll(batch["label"], 1, axis=1)}
    discriminated = [
        step._discriminate(part, batch["photo"], False)[-1].numpy() for part in (batch, other)
    ]
    assert np.any(discriminated[0] != discriminated[1]) == validates


@pytest.fixture
def as_the_authors(small_config):
    texts = ["training.order=discriminator first", "model.discriminator_label=authors"]
    return override(small_config, texts)


def shown_labels(step, batch):
    """The label planes that D is shown in each call of a step, in order."""
    shown = []
    evaluator = step.discriminator

    class DemoSession:
        trainable_variables = evaluator.trainable_variables

        def feature_maps(self, pair, **options):
            shown.append(pair[:, 0, 0, 4:].numpy())
            return evaluator.feature_maps(pair, **options)

    step.discriminator = DemoSession()
    step.strategy.run(step._replica_step, args=(batch,))
    step.discriminator = evaluator
    return shown


def test_the_authors_show_d_the_residue_first_and_then_the_label(
    new_cascade_step, as_the_authors, batch
):
    """D's half comes first, its three calls with the residue; then the generators' two."""
    step = new_cascade_step(as_the_authors)
    stages = step.cascade(batch["spectrogram"], batch["label"], training=True, seed=[0, 0])
    tf.config.run_functions_eagerly(True)
    try:
        shown = shown_labels(step, batch)
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(shown) == 5
    for planes in shown[:3]:
        np.testing.assert_allclose(planes, stages.residue, atol=1e-5)
    for planes in shown[3:]:
        np.testing.assert_array_equal(planes, batch["label"])


def test_d_first_sees_the_generators_after_it_has_learned(new_cascade_step, small_config, batch):
    """The generators' adversarial loss is that of the D of after its own half."""
    texts = ["training.order=discriminator first", "training.learning_rate=0.05"]
    first, last = (
        new_cascade_step(override(small_config, texts)),
        new_cascade_step(override(small_config, texts[1:])),
    )
    losses = {}
    for name, step in (("first", first), ("last", last)):
        losses[name] = step.strategy.run(step._replica_step, args=(batch,))
        assert set(losses[name]) == {*GENERATOR_TERMS, *DISCRIMINATOR_TERMS}
    discriminated = {name: float(loss["real_discriminator"]) for name, loss in losses.items()}
    assert discriminated["first"] == pytest.approx(discriminated["last"], rel=1e-5)
    fooled = {name: float(loss["refined_adversarial"]) for name, loss in losses.items()}
    assert abs(fooled["first"] - fooled["last"]) > 1e-3


def test_the_authors_half_of_d_s_loss(new_cascade_step, small_config, batch):
    texts = ["loss.real_pairs=1", "loss.discriminator=0.5"]
    step = new_cascade_step(override(small_config, texts))
    losses = {name: float(value) for name, value in train_discriminator(step, batch).items()}
    total = (
        losses["real_discriminator"]
        + losses["coarse_discriminator"]
        + losses["refined_discriminator"]
    )
    assert losses["discriminator"] == pytest.approx(total / 2, rel=1e-5)
