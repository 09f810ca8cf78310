"""Options that the paper does not have: off by default, and refused where nothing reads them."""

import pytest

from cargan_tf.config import Config, load_config, overlay, override
from cargan_tf.config.schema import DISCRIMINATOR_OPTIONS, OPTIONS
from cargan_tf.errors import UserError
from cargan_tf.evaluation.reproduce.paper_tables import TABLES

ON = {
    "model.discriminator_norm": "spectral",
    "loss.gan_loss": "hinge",
    "loss.gradient_penalty": "1",
    "loss.feature_matching": "1",
    "training.discriminator_learning_rate": "1e-3",
    "training.discriminator_augmentation": "[cutout]",
    "loss.perceptual": "1",
    "loss.l2": "1",
    "model.pose": "true",
    "model.refined_generator_width": "32",
    "model.max_width_multiplier": "4",
    "model.generator_attentions": "1",
    "model.coarse_dropped_skips": "3",
    "training.encoder_learning_rate": "1e-4",
    "training.frozen_discriminator_blocks": "2",
}
#: Those that act on D are refused where D is not trained.
NOT_OF_D = set(ON) - set(DISCRIMINATOR_OPTIONS)
TEXTS = {name: f"{name}={value}" for name, value in ON.items()}


@pytest.mark.parametrize("name", ["paper", "authors"])
def test_all_are_off(name):
    config = load_config(name)
    assert set(ON) == set(OPTIONS)
    for option in OPTIONS:
        section, field = option.split(".")
        default = type(getattr(Config(), section)).model_fields[field].default
        assert getattr(getattr(config, section), field) == default


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", ["s2ic", "cmcgan"])
def test_another_system_does_not_know_them(kind, option):
    with pytest.raises(
        UserError, match=rf"{option} is .*but model.kind {kind} does not support it"
    ):
        override(load_config(f"baselines/{kind}"), [TEXTS[option]])


@pytest.mark.parametrize("weight", ["adversarial", "discriminator"])
@pytest.mark.parametrize("option", OPTIONS)
def test_without_d_those_that_are_d_s_are_refused(option, weight):
    texts = [TEXTS[option], f"loss.{weight}=0"]
    if option in NOT_OF_D:
        override(Config(), texts)
    else:
        with pytest.raises(UserError, match=f"{option} is .*but .* D is not trained; leave it at"):
            override(Config(), texts)


def test_no_second_stage_has_no_width():
    with pytest.raises(UserError, match=r"with model\.stages 1 there is no G2"):
        override(Config(), ["model.stages=1", "model.refined_generator_width=32"])


def test_every_row_of_every_table_goes_over_a_configuration_that_has_them_all():
    whole = override(Config(), [*TEXTS.values(), "training.precision=bfloat16"])
    for overlaid in {row.overlay for table in TABLES.values() for row in table.rows}:
        assert overlay(whole, overlaid)


def test_slopes_of_slopes_are_not_taken_in_float16():
    texts = ["loss.gradient_penalty=1", "training.precision=bfloat16"]
    override(Config(), texts)
    with pytest.raises(UserError, match=r"needs training\.precision float32 or bfloat16"):
        override(Config(), [*texts, "training.precision=float16"])


@pytest.mark.parametrize("stages", [1, 2])
def test_features_are_not_matched_where_the_generators_do_not_ask_d(stages):
    asked_by_one = ["loss.coarse_adversarial=0", "loss.feature_matching=1"]
    texts = [f"model.stages={stages}", *asked_by_one, f"loss.refined_adversarial={2 - stages}"]
    with pytest.raises(UserError, match=r"feature_matching is .*no adversarial loss"):
        override(Config(), texts)
    override(Config(), asked_by_one)


def test_a_second_stage_that_is_not_there_does_not_train_d():
    weights = ("loss.real_pairs=0", "loss.coarse_adversarial=0", "loss.gan_loss=hinge")
    with pytest.raises(UserError, match=r"gan_loss is .*D is not trained"):
        override(Config(), ["model.stages=1", *weights])
