"""The sections of losses, optimiser and monitoring."""

from __future__ import annotations

from typing import Literal

from cargan_tf.config.section import Positive, Section, Weight, setting


class LossConfig(Section):
    """The weights λ of Eq. 2 to 6 (values: Sec. 3, "Parameter Settings")."""

    classification: Weight = setting(1.0, "λ_c in Eq. 6")
    coarse_classification: Weight = setting(0.5, "λ_I' in Eq. 2")
    refined_classification: Weight = setting(0.5, "λ_I'' in Eq. 2")
    adversarial: Weight = setting(1.0, "λ_cGAN in Eq. 6")
    coarse_adversarial: Weight = setting(1.0, "λ_G1 in Eq. 5")
    refined_adversarial: Weight = setting(1.0, "λ_G2 in Eq. 5")
    l1: Weight = setting(100.0, "λ_L1 in Eq. 6, on both stages")
    real_pairs: Weight = setting(2.0, "of log D(A, I) in D's loss: it stands in Eq. 3 and in Eq. 4")
    discriminator: Weight = setting(1.0, "of D's whole loss; 0.5 in the authors' code")
    double_softmax: bool = setting(
        False,
        "cross-entropy of C's softmax as if it were logits: the authors' code, for parity only",
    )
    adversarial_form: Literal["cross-entropy", "hinge"] = setting(
        "cross-entropy", "of Eq. 3 and 4; 'hinge' stops at a margin of 1 (Lim and Ye 2017)"
    )
    gradient_penalty: Weight = setting(
        0.0, "γ of R1, half the squared slope of D at real pictures (Mescheder et al. 2018)"
    )
    gradient_penalty_steps: Positive = setting(
        16, "R1 is taken once in so many steps, and counts as often (StyleGAN2: Karras et al. 2020)"
    )
    feature_matching: Weight = setting(
        0.0,
        "of the L1 between D's features of drawn and real pairs, within each adversarial term;"
        " pix2pixHD's is 10 (Salimans et al. 2016, Wang et al. 2018)",
    )
    perceptual: Weight = setting(
        0.0, "of the L1 between C's features of drawn and real pictures (Johnson et al. 2016)"
    )


class TrainingConfig(Section):
    """The optimiser, how long it runs, and what is kept (Sec. 2.5 and 3)."""

    epochs: Positive = setting(200, "over the training split (Sec. 3)")
    steps: int | None = setting(None, "stop after so many steps instead of epochs", gt=0)
    batch_size: Positive = setting(64, "pairs a step over all devices (Sec. 3)")
    learning_rate: float = setting(8e-4, "Adam's (Sec. 3)", gt=0)
    discriminator_learning_rate: float | None = setting(
        None, "D's own, where it is another (two time-scale rates: Heusel et al. 2017)", gt=0
    )
    decay_epochs: int = setting(0, "further epochs in which the rate falls linearly to 0", ge=0)
    adam_beta_1: float = setting(0.9, "Sec. 2.5", ge=0, lt=1)
    adam_beta_2: float = setting(0.999, "Sec. 2.5", ge=0, lt=1)
    adam_epsilon: float = setting(1e-8, "PyTorch's default, which the authors used", gt=0)
    average_steps: int = setting(
        0,
        "over which the weights are averaged that draw (training goes on from the others); 0: none",
        ge=0,
    )
    order: Literal["generators first", "discriminator first"] = setting(
        "generators first", "of the two halves of a step (Sec. 2.5); D first in the authors' code"
    )
    discriminator_augmentation: tuple[Literal["colour", "translation", "cutout"], ...] = setting(
        (),
        "changes by chance of every picture that D sees, real or drawn, through which the"
        " generators learn (Zhao et al. 2020)",
    )
    precision: Literal["float32", "bfloat16", "float16"] = setting(
        "float32",
        "of the networks' products: the halves are faster on hardware that has them (docs/"
        "performance.md); weights, attention, losses and the last layers stay float32, and with"
        " float16 the loss is scaled",
    )
    compile: bool = setting(False, "the step by XLA; on one device only")
    seed: int = setting(0, "of weights, order, dropout and augmentation", ge=0, lt=2**31)
    maximum_loss: float = setting(
        1e5,
        "a loss above it has exploded and stops the run; the quickstart's largest is 74",
        gt=0,
        allow_inf_nan=False,
    )
    checkpoint_steps: Positive = setting(1000, "steps between checkpoints")
    keep_checkpoints: Positive = setting(3, "the newest so many stay on the disk")


class MonitorConfig(Section):
    """What is written down during training."""

    log_steps: Positive = setting(50, "steps between lines of stats.jsonl")
    picture_steps: Positive = setting(1000, "steps between picture grids")
    listening_steps: Positive = setting(1000, "steps between listening figures")
    listening_clips: Positive = setting(520, "held-out pairs they are measured on, at most")
