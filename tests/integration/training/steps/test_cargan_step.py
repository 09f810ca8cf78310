import numpy as np
import pytest
import tensorflow as tf
from helpers.training import (
    DISCRIMINATOR_TERMS,
    GENERATOR_TERMS,
    on_replicas,
    state,
    train_discriminator,
    train_generators,
    unchanged,
)

from cargan_tf.config import override


@pytest.fixture
def step(new_cascade_step, small_config):
    return new_cascade_step(small_config)


def test_the_generators_half_moves_g1_and_g2_only(step, batch):
    generators, others = (
        step.cascade.generator_variables,
        (step.discriminator, step.cascade.classifier),
    )
    before = [variable.numpy() for variable in generators]
    before_others = state(*others)
    train_generators(step, batch)
    assert all(unchanged(before_others, state(*others)))  # moving statistics included
    resting = unchanged(before, [variable.numpy() for variable in generators])
    # Four attentions' four kernels and biases wait until γ has left 0.
    assert sum(resting) <= 4 * 8


def test_the_discriminator_s_half_moves_d_only(step, batch):
    before, before_cascade = state(step.discriminator), state(step.cascade)
    train_discriminator(step, batch)
    assert all(unchanged(before_cascade, state(step.cascade)))
    statistics = [variable.numpy() for variable in step.discriminator.non_trainable_variables]
    assert all(np.any(value != np.round(value)) for value in statistics)
    assert sum(unchanged(before, state(step.discriminator))) <= 2 * 8


def test_frozen_layers_stay_and_the_others_move(new_cascade_step, small_config, batch):
    frozen = ["training.encoder_learning_rate=0", "training.frozen_discriminator_blocks=2"]
    step = new_cascade_step(override(small_config, frozen))
    encoders = [block for generator in step.cascade.generators for block in generator.down]
    fixed, free = step.discriminator.blocks[:2], step.discriminator.blocks[2:]
    weights = [layer.trainable_variables for layer in (*encoders, *fixed)]
    before = [variable.numpy() for layer in weights for variable in layer]
    decoders = [block for generator in step.cascade.generators for block in generator.up]
    kernels = [layer.convolution.kernel for layer in (*decoders, *free)]
    before_kernels = [kernel.numpy() for kernel in kernels]
    train_generators(step, batch)
    train_discriminator(step, batch)
    assert all(unchanged(before, [variable.numpy() for layer in weights for variable in layer]))
    assert not any(unchanged(before_kernels, [kernel.numpy() for kernel in kernels]))


def composed(step, config, batch):
    """Every loss of the next step from the networks as they are, written out in NumPy."""
    seed = tf.constant([config.training.seed, 0])
    stages = step.cascade(batch["spectrogram"], batch["label"], seed=seed, training=True)
    labels = batch["label"].numpy() == 1

    def crossentropy(logits):
        return -np.log(tf.nn.softmax(logits).numpy()[labels]).mean()

    def discriminated(image, sign):
        pair = tf.concat([batch["spectrogram"], image], -1)
        logits = step.discriminator(pair, training=True, update_statistics=False).numpy()
        return np.log1p(np.exp(-sign * logits)).mean()

    terms = {
        "coarse_classification": crossentropy(step.cascade.classifier(stages.coarse)),
        "refined_classification": crossentropy(step.cascade.classifier(stages.refined)),
        "coarse_adversarial": discriminated(stages.coarse, 1),
        "refined_adversarial": discriminated(stages.refined, 1),
        "coarse_l1": np.abs(stages.coarse - batch["photo"]).mean(),
        "refined_l1": np.abs(stages.refined - batch["photo"]).mean(),
        "real_discriminator": discriminated(batch["photo"], 1),
        "coarse_discriminator": discriminated(stages.coarse, -1),
        "refined_discriminator": discriminated(stages.refined, -1),
    }
    weights = config.loss
    terms["generators"] = (
        weights.classification
        * (
            weights.coarse_classification * terms["coarse_classification"]
            + weights.refined_classification * terms["refined_classification"]
        )
        + weights.adversarial
        * (
            weights.coarse_adversarial * terms["coarse_adversarial"]
            + weights.refined_adversarial * terms["refined_adversarial"]
        )
        + weights.l1 * (terms["coarse_l1"] + terms["refined_l1"])
    )
    terms["discriminator"] = weights.adversarial * (
        weights.real_pairs * terms["real_discriminator"]
        + weights.coarse_adversarial * terms["coarse_discriminator"]
        + weights.refined_adversarial * terms["refined_discriminator"]
    )
    return terms


def weighed(config):
    names = "classification coarse_classification refined_classification adversarial"
    names += " coarse_adversarial refined_adversarial l1 real_pairs"
    texts = [f"loss.{name}={0.3 + position / 4}" for position, name in enumerate(names.split())]
    return override(config, texts)


def test_losses_and_totals_are_the_paper_s(new_cascade_step, small_config, batch):
    uneven = weighed(small_config)
    step = new_cascade_step(uneven)
    expected = composed(step, uneven, batch)
    stages, generators = train_generators(step, batch)
    discriminator = step.strategy.run(step._train_discriminator, args=(batch, stages))
    assert list(generators) == GENERATOR_TERMS
    assert list(discriminator) == DISCRIMINATOR_TERMS
    for name, value in {**generators, **discriminator}.items():
        assert float(value) == pytest.approx(expected[name], rel=1e-4), name


def test_without_adversarial_weight_the_discriminator_rests(new_cascade_step, small_config, batch):
    step = new_cascade_step(override(small_config, ["loss.adversarial=0"]))
    before = [variable.numpy() for variable in step.discriminator.trainable_variables]
    losses = train_discriminator(step, batch)
    after = [variable.numpy() for variable in step.discriminator.trainable_variables]
    assert all(unchanged(before, after))
    assert float(losses["discriminator"]) == 0


def test_without_any_weight_the_generators_rest(new_cascade_step, small_config, batch):
    texts = ["loss.adversarial=0", "loss.l1=0", "loss.classification=0"]
    step = new_cascade_step(override(small_config, texts))
    before = [variable.numpy() for variable in step.cascade.generator_variables]
    _, losses = train_generators(step, batch)
    after = [variable.numpy() for variable in step.cascade.generator_variables]
    assert all(unchanged(before, after))
    assert float(losses["generators"]) == 0
    assert all(np.isfinite(float(value)) for value in losses.values())


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("loss.classification=0", {"coarse_classification", "refined_classification"}),
        ("loss.refined_classification=0", {"refined_classification"}),
        ("loss.coarse_adversarial=0", {"coarse_adversarial"}),
        ("model.stages=1", {name for name in GENERATOR_TERMS if name.startswith("refined")}),
        ("loss.l1=0", set()),  # a run is watched by it
    ],
)
def test_a_loss_without_weight_is_not_computed(new_cascade_step, small_config, batch, text, absent):
    step = new_cascade_step(override(small_config, [text]))
    _, losses = train_generators(step, batch)
    assert set(GENERATOR_TERMS) - losses.keys() == absent
    assert all(np.isfinite(float(value)) for value in losses.values())


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("loss.refined_adversarial=0", {"refined_discriminator"}),
        ("loss.real_pairs=0", {"real_discriminator"}),
        ("loss.discriminator=0", {*DISCRIMINATOR_TERMS} - {"discriminator"}),
    ],
)
def test_the_discriminator_discriminates_nothing_without_weight(
    new_cascade_step, small_config, batch, text, absent
):
    losses = train_discriminator(new_cascade_step(override(small_config, [text])), batch)
    assert set(DISCRIMINATOR_TERMS) - losses.keys() == absent


def test_one_stage_is_discriminated_and_trained_as_one(new_cascade_step, small_config, batch):
    step = new_cascade_step(override(small_config, ["model.stages=1"]))
    losses = step(on_replicas(step, {name: value.numpy() for name, value in batch.items()}))
    assert "coarse_discriminator" in losses
    assert not any(name.startswith("refined") for name in losses)
