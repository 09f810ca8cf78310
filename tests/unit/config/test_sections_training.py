import pytest

from cargan_tf.config import Config, override
from cargan_tf.errors import UserError


@pytest.mark.parametrize(
    ("setting", "value", "source"),
    [
        ("loss.classification", 1, "λ_c in Eq. 6"),
        ("loss.coarse_classification", 0.5, "λ_I' in Eq. 2"),
        ("loss.refined_classification", 0.5, "λ_I'' in Eq. 2"),
        ("loss.adversarial", 1, "λ_cGAN in Eq. 6"),
        ("loss.coarse_adversarial", 1, "λ_G1 in Eq. 5"),
        ("loss.refined_adversarial", 1, "λ_G2 in Eq. 5"),
        ("loss.l1", 100, "λ_L1 in Eq. 6"),
        ("loss.real_pairs", 2, "both Eq. 3 and Eq. 4"),
        ("training.epochs", 200, "Sec. 3"),
        ("training.batch_size", 64, "Sec. 3"),
        ("training.learning_rate", 8e-4, "Sec. 3"),
        ("training.adam_beta_1", 0.9, "Sec. 2.5"),
        ("training.adam_beta_2", 0.999, "Sec. 2.5"),
        ("training.order", "generators first", "Sec. 2.5"),
        ("training.adam_epsilon", 1e-8, "PyTorch"),
    ],
)
def test_a_default_is_the_paper_s_and_says_where_it_stands(setting, value, source, check_default):
    check_default(setting, value, source)


@pytest.mark.parametrize(
    ("setting", "last", "beyond"),
    [
        ("loss.l1", "0", "-0.5"),
        ("loss.gradient_penalty_steps", "1", "0"),
        ("loss.gan_loss", "hinge", "wasserstein"),
        ("training.batch_size", "1", "0"),
        ("training.batch_size", "2", "2.5"),
        ("training.epochs", "1", "0"),
        ("training.steps", "1", "0"),
        ("training.learning_rate", "1e-9", "0"),
        ("training.discriminator_learning_rate", "1e-9", "0"),
        ("training.decay_epochs", "0", "-1"),
        ("training.adam_beta_1", "0", "1"),
        ("training.adam_beta_2", "0.9999", "1"),
        ("training.adam_epsilon", "1e-12", "0"),
        ("training.ema_steps", "0", "-1"),
        ("training.seed", "2147483647", "2147483648"),
        ("training.maximum_loss", "1", "0"),
        ("training.precision", "bfloat16", "float8"),
        ("training.order", "discriminator first", "both at once"),
        ("training.checkpoint_steps", "1", "0"),
        ("training.keep_checkpoints", "1", "0"),
        ("monitor.log_steps", "1", "0"),
        ("monitor.grid_steps", "1", "0"),
        ("monitor.validation_steps", "1", "0"),
        ("monitor.validation_clips", "1", "0"),
    ],
)
def test_beyond_a_bound_it_is_refused_by_name(setting, last, beyond, check_bound):
    check_bound(setting, last, beyond)


def test_an_unknown_change_of_d_s_images_is_told_from_the_known():
    every = override(Config(), ["training.discriminator_augmentation=[color, translation, cutout]"])
    assert every.training.discriminator_augmentation == ("color", "translation", "cutout")
    with pytest.raises(UserError, match=r"discriminator_augmentation\.1 = 'rotation'.*'cutout'"):
        override(Config(), ["training.discriminator_augmentation=[color, rotation]"])


def test_a_run_may_be_told_by_steps_or_by_epochs():
    assert (Config().training.steps, Config().training.decay_epochs) == (None, 0)
    assert override(Config(), ["training.steps=7"]).training.steps == 7
