"""CAR-GAN's training step (Sec. 2.5): G1 and G2 together with D fixed, then D.

Loss terms with weight 0 are not computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cargan import Cascade, CascadeOutput, concat_label_channels
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.models.pose import true_pose
from cargan_tf.training.image_augmentation import diff_augment
from cargan_tf.training.losses import (
    GAN_LOSSES,
    active_loss_weights,
    classification_loss,
    double_softmax_loss,
    feature_matching_loss,
    gradient_penalty,
    l1_loss,
    l2_loss,
    perceptual_loss,
    pose_loss,
)
from cargan_tf.training.optimizers import make_adam
from cargan_tf.training.steps.train_step import (
    Batch,
    Losses,
    TrainStep,
    apply_gradients,
    run_on_replicas,
)


class CarganStep(TrainStep):
    """Trains the cascade and its discriminator; see ``TrainStep``."""

    def __init__(
        self,
        config: Config,
        cascade: Cascade,
        discriminator: PatchGAN,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        super().__init__(config, cascade, discriminator, strategy)
        self.cascade = cascade
        self._two_stages = config.model.stages == 2
        self._discriminator_first = config.training.order == "discriminator first"
        self._weights = active_loss_weights(config)
        self._classification_loss = (
            double_softmax_loss if config.loss.double_softmax else classification_loss
        )
        self._gan = GAN_LOSSES[config.loss.gan_loss]
        training = config.training
        encoders = [block for generator in cascade.generators for block in generator.down]
        encoder_rate = training.encoder_learning_rate
        self.generator_optimizer = make_adam(
            config,
            steps_per_epoch,
            slower=_variables(encoders if encoder_rate is not None else []),
            slower_rate=encoder_rate or 0.0,
        )
        self.discriminator_optimizer = make_adam(
            config,
            steps_per_epoch,
            training.discriminator_learning_rate,
            slower=_variables(discriminator.blocks[: training.frozen_discriminator_blocks]),
        )
        # Optimizers must own their variables before the step is traced.
        self.generator_optimizer.build(cascade.generator_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)
        self._on_replica = self._replica_step
        if config.training.compile:
            self._on_replica = tf.function(self._replica_step, jit_compile=True, autograph=False)

    @tf.function(reduce_retracing=True, autograph=False)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch; see ``TrainStep``. R1 is applied every N steps."""
        if not self.config.loss.gradient_penalty:
            return run_on_replicas(self.strategy, self._on_replica, batch)
        # The branch is outside the replicas: batch norm's all-reduce cannot run inside one.
        penalized = partial(self._on_replica, penalize=True)
        with_penalty = partial(run_on_replicas, self.strategy, penalized, batch)
        without = partial(run_on_replicas, self.strategy, self._on_replica, batch)
        due = (self.step + 1) % self.config.loss.gradient_penalty_steps == 0
        return tf.cond(due, with_penalty, lambda: without() | {"gradient_penalty": tf.zeros([])})

    def networks(self) -> dict[str, keras.Model]:
        """G1, G2, C and D, as far as they exist."""
        return {
            **dict(zip(("G1", "G2"), self.cascade.generators, strict=False)),
            "C (frozen)": self.cascade.classifier,
            "D": self.discriminator,
        }

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Of the generators and of D."""
        return {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch, penalize: bool = False) -> Losses:
        stages, losses = self._train_generators(batch, penalize)
        if not self._discriminator_first:
            losses |= self._train_discriminator(batch, stages, penalize)
        self.step.assign_add(1)
        return losses

    def _train_generators(
        self, batch: Batch, penalize: bool = False
    ) -> tuple[CascadeOutput, Losses]:
        """The generators' half; with D first, D's half inside it, on the same images."""
        seed = self._seed()
        variables = self.cascade.generator_variables
        discriminator_losses: Losses = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            stages = self.cascade(
                batch["spectrogram"],
                batch["label"],
                batch.get("player_index"),
                seed=seed,
                training=True,
                pose=pose_of(batch),
            )
            if self._discriminator_first:
                with tape.stop_recording():
                    discriminator_losses = self._train_discriminator(batch, stages, penalize)
            losses = self._batch_means(self._generator_losses(batch, stages))
            total = self._weighted_sum(losses)
        apply_gradients(tape, total, variables, self.generator_optimizer)
        return stages, {**discriminator_losses, **losses, "generators": total}

    def _generator_losses(self, batch: Batch, stages: CascadeOutput) -> Losses:
        """The terms of Eq. 6 with a weight, and always L1, which is logged."""
        label, weights, losses = batch["label"], self._weights, Losses()
        if "coarse_classification" in weights:
            losses["coarse_classification"] = self._classification_loss(stages.coarse_logits, label)
        if "refined_classification" in weights:
            logits = self.cascade.classifier(stages.refined, training=False)
            losses["refined_classification"] = self._classification_loss(logits, label)
        if self.config.loss.feature_matching:
            *real, _ = self._discriminate(batch, batch["photo"], update_statistics=False)
        if self.config.loss.perceptual:
            photo = self.cascade.classifier.feature_maps(batch["photo"])
        for name, image in (("coarse", stages.coarse), ("refined", stages.refined)):
            if f"{name}_adversarial" in weights:
                *generated, logits = self._discriminate(batch, image, update_statistics=False)
                losses[f"{name}_adversarial"] = self._gan.generator(logits)
                if f"{name}_feature_matching" in weights:
                    losses[f"{name}_feature_matching"] = feature_matching_loss(generated, real)
            if f"{name}_l2" in weights:
                losses[f"{name}_l2"] = l2_loss(batch["photo"], image)
            if f"{name}_perceptual" in weights:
                features = self.cascade.classifier.feature_maps(image)
                losses[f"{name}_perceptual"] = perceptual_loss(features, photo)
        if "pose" in weights:
            losses["pose"] = pose_loss(stages.read_pose, pose_of(batch))
        losses["coarse_l1"] = l1_loss(batch["photo"], stages.coarse)
        if self._two_stages:
            losses["refined_l1"] = l1_loss(batch["photo"], stages.refined)
        return losses

    def _weighted_sum(self, losses: Losses) -> tf.Tensor:
        """The generators' total loss (Eq. 6)."""
        terms = [
            self._weights[name] * loss for name, loss in losses.items() if name in self._weights
        ]
        return tf.add_n(terms) if terms else tf.zeros([])

    def _train_discriminator(
        self, batch: Batch, stages: CascadeOutput, penalize: bool = False
    ) -> Losses:
        weights = self.config.loss
        if not weights.adversarial * weights.discriminator:
            return {"discriminator": tf.zeros([])}
        label = None
        if self.config.model.discriminator_label == "authors":
            label = tf.stop_gradient(stages.residue)
        images = {
            "real_discriminator": (weights.real_pairs, batch["photo"], self._gan.real),
            "coarse_discriminator": (weights.coarse_adversarial, stages.coarse, self._gan.fake),
        }
        if self._two_stages:
            fake = (weights.refined_adversarial, stages.refined, self._gan.fake)
            images["refined_discriminator"] = fake
        images = {name: parts for name, parts in images.items() if parts[0]}
        if not images:
            return {"discriminator": tf.zeros([])}
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            losses: Losses = {}
            for name, (_, image, loss_of) in images.items():
                fixed = tf.stop_gradient(image)
                *_, logits = self._discriminate(batch, fixed, update_statistics=True, label=label)
                losses[name] = loss_of(logits)
            term_weights = {name: weight for name, (weight, *_) in images.items()}
            if penalize:
                losses["gradient_penalty"] = gradient_penalty(
                    lambda image: self._discriminate(batch, image, False, label)[-1], batch["photo"]
                )
                # N times as strong, as it is applied every N steps only.
                term_weights["gradient_penalty"] = (
                    weights.gradient_penalty * weights.gradient_penalty_steps
                )
            losses = self._batch_means(losses)
            total = (
                weights.discriminator
                * weights.adversarial
                * tf.add_n([term_weights[name] * loss for name, loss in losses.items()])
            )
        apply_gradients(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}

    def _discriminate(
        self,
        batch: Batch,
        image: tf.Tensor,
        update_statistics: bool,
        label: tf.Tensor | None = None,
    ) -> list[tf.Tensor]:
        """D's feature maps of [A, I], the logits last.

        Args:
            update_statistics: of D's batch norm; in D's own half of the step only.
            label: [B, K], for a D with a label input; the batch's if ``None``.
        """
        kinds = self.config.training.discriminator_augmentation
        if kinds:
            image = diff_augment(image, kinds, self._seed())
        pair = tf.concat([batch["spectrogram"], image], axis=-1)
        if self.config.model.discriminator_label != "none":
            pair = concat_label_channels(pair, batch["label"] if label is None else label)
        return self.discriminator.feature_maps(
            pair, training=True, update_statistics=update_statistics
        )


def pose_of(batch: Batch) -> tf.Tensor | None:
    """The true pose, [B, 2]; ``None`` where the batch has none, as without ``model.pose``."""
    return true_pose(batch["midi"], batch["rms_db"]) if "midi" in batch else None


def _variables(layers: Iterable[keras.layers.Layer]) -> list[keras.Variable]:
    return [variable for layer in layers for variable in layer.trainable_variables]
