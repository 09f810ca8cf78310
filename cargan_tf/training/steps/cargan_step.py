"""One training step (paper Sec. 2.5): G1 and G2 together with D fixed, then D.

A loss whose weight is 0 is not computed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cargan import Cascade, CascadeOutput, concat_label_channels
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.image_augmentation import diff_augment
from cargan_tf.training.losses import (
    GAN_LOSSES,
    active_loss_weights,
    classification_loss,
    double_softmax_loss,
    feature_matching_loss,
    gradient_penalty,
    l1_loss,
    perceptual_loss,
)
from cargan_tf.training.optimizers import make_adam
from cargan_tf.training.steps.train_step import (
    Batch,
    Losses,
    batch_means,
    new_step_counter,
    run_on_replicas,
    step_seed,
)


class CarganStep:
    """The networks, their optimizers and the compiled step under a strategy.

    Make it inside ``strategy.scope()``. Every random choice of a step comes from the configured
    seed and the step's number, so a resumed run repeats what an undisturbed one does.

    Attributes:
        step: int64 variable, the steps done.
    """

    def __init__(
        self,
        config: Config,
        cascade: Cascade,
        discriminator: PatchGAN,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        self.config = config
        self.cascade = cascade
        self.discriminator = discriminator
        self.strategy = strategy
        self.step = new_step_counter()
        self._two_stages = config.model.stages == 2
        self._discriminator_first = config.training.order == "discriminator first"
        self._counting = active_loss_weights(config)
        self._classification_loss = (
            double_softmax_loss if config.loss.double_softmax else classification_loss
        )
        self._adversarial = GAN_LOSSES[config.loss.gan_loss]
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(
            config, steps_per_epoch, config.training.discriminator_learning_rate
        )
        # Optimizers must own their variables before the step is traced.
        self.generator_optimizer.build(cascade.generator_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)
        self._on_replica = self._replica_step
        if config.training.compile:
            self._on_replica = tf.function(self._replica_step, jit_compile=True)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch.

        Args:
            batch: ``spectrogram`` [B, S, S, 1], ``label`` [B, K] and ``photo`` [B, S, S, 3], spread
                over the replicas by the strategy.

        Returns:
            Each loss term that counts, unweighted, as the mean over the global batch.
        """
        if not self.config.loss.gradient_penalty:
            return run_on_replicas(self.strategy, self._on_replica, batch)
        # Outside the replicas, which cannot put together a batch's statistics within a branch.
        penalised = partial(self._on_replica, penalise=True)
        with_penalty = partial(run_on_replicas, self.strategy, penalised, batch)
        without = partial(run_on_replicas, self.strategy, self._on_replica, batch)
        due = (self.step + 1) % self.config.loss.gradient_penalty_steps == 0
        return tf.cond(due, with_penalty, lambda: without() | {"gradient_penalty": tf.zeros([])})

    def networks(self) -> dict[str, keras.Model]:
        """G1, G2, C and D, as far as there are."""
        return {
            **dict(zip(("G1", "G2"), self.cascade.generators, strict=False)),
            "C (frozen)": self.cascade.classifier,
            "D": self.discriminator,
        }

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds; see ``TrainStep``."""
        return {
            self.cascade.name: self.cascade,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch, penalise: bool = False) -> Losses:
        stages, losses = self._train_generators(batch, penalise)
        if not self._discriminator_first:
            losses |= self._train_discriminator(batch, stages, penalise)
        self.step.assign_add(1)
        return losses

    def _train_generators(
        self, batch: Batch, penalise: bool = False
    ) -> tuple[CascadeOutput, Losses]:
        """G1 and G2's half, and D's within it where D comes first: both see the same images."""
        seed = step_seed(self.config, self.step)
        variables = self.cascade.generator_variables
        judged: Losses = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            stages = self.cascade(batch["spectrogram"], batch["label"], seed=seed, training=True)
            if self._discriminator_first:
                with tape.stop_recording():
                    judged = self._train_discriminator(batch, stages, penalise)
            losses = batch_means(self._generator_losses(batch, stages), self.config)
            total = self._weighed(losses)
            scaled = self.generator_optimizer.scale_loss(total)
        # A total without any term is a constant: it pulls at nothing.
        gradients = tape.gradient(
            scaled,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        self.generator_optimizer.apply(gradients, variables)
        return stages, {**judged, **losses, "generators": total}

    def _generator_losses(self, batch: Batch, stages: CascadeOutput) -> Losses:
        """Each term of Eq. 6 that counts; L1 in any case, by which a run is watched."""
        label, counts, losses = batch["label"], self._counting, Losses()
        if "coarse_classification" in counts:
            losses["coarse_classification"] = self._classification_loss(stages.coarse_logits, label)
        if "refined_classification" in counts:
            logits = self.cascade.classifier(stages.refined, training=False)
            losses["refined_classification"] = self._classification_loss(logits, label)
        if self.config.loss.feature_matching:
            *real, _ = self._judge(batch, batch["photo"], update_statistics=False)
        if self.config.loss.perceptual:
            photo = self.cascade.classifier.feature_maps(batch["photo"])
        for name, image in (("coarse", stages.coarse), ("refined", stages.refined)):
            if f"{name}_adversarial" in counts:
                *generated, logits = self._judge(batch, image, update_statistics=False)
                losses[f"{name}_adversarial"] = self._adversarial.fooled(logits)
                if f"{name}_feature_matching" in counts:
                    losses[f"{name}_feature_matching"] = feature_matching_loss(generated, real)
            if f"{name}_perceptual" in counts:
                features = self.cascade.classifier.feature_maps(image)
                losses[f"{name}_perceptual"] = perceptual_loss(features, photo)
        losses["coarse_l1"] = l1_loss(batch["photo"], stages.coarse)
        if self._two_stages:
            losses["refined_l1"] = l1_loss(batch["photo"], stages.refined)
        return losses

    def _weighed(self, losses: Losses) -> tf.Tensor:
        """The generators' whole loss (Eq. 6)."""
        parts = [
            self._counting[name] * loss for name, loss in losses.items() if name in self._counting
        ]
        return tf.add_n(parts) if parts else tf.zeros([])

    def _train_discriminator(
        self, batch: Batch, stages: CascadeOutput, penalise: bool = False
    ) -> Losses:
        weights = self.config.loss
        if not weights.adversarial * weights.discriminator:
            return {"discriminator": tf.zeros([])}
        shown = None
        if self.config.model.discriminator_label == "authors":
            shown = tf.stop_gradient(stages.residue)
        judged = {
            "real_judged": (weights.real_pairs, batch["photo"], self._adversarial.real),
            "coarse_judged": (weights.coarse_adversarial, stages.coarse, self._adversarial.fake),
        }
        if self._two_stages:
            fake = (weights.refined_adversarial, stages.refined, self._adversarial.fake)
            judged["refined_judged"] = fake
        judged = {name: parts for name, parts in judged.items() if parts[0]}
        if not judged:
            return {"discriminator": tf.zeros([])}
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            losses: Losses = {}
            for name, (_, image, loss_of) in judged.items():
                fixed = tf.stop_gradient(image)
                *_, logits = self._judge(batch, fixed, update_statistics=True, shown=shown)
                losses[name] = loss_of(logits)
            parts = {name: weight for name, (weight, *_) in judged.items()}
            if penalise:
                losses["gradient_penalty"] = gradient_penalty(
                    lambda image: self._judge(batch, image, False, shown)[-1], batch["photo"]
                )
                often = weights.gradient_penalty_steps  # as if it had been taken in every step
                parts["gradient_penalty"] = weights.gradient_penalty * often
            losses = batch_means(losses, self.config)
            total = (
                weights.discriminator
                * weights.adversarial
                * tf.add_n([parts[name] * loss for name, loss in losses.items()])
            )
            scaled = self.discriminator_optimizer.scale_loss(total)
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        self.discriminator_optimizer.apply(gradients, variables)
        return {**losses, "discriminator": total}

    def _judge(
        self,
        batch: Batch,
        image: tf.Tensor,
        update_statistics: bool,
        shown: tf.Tensor | None = None,
    ) -> list[tf.Tensor]:
        """D's features of [A, I], the logits last; D changes in its own half of the step only.

        Where D sees a label, it is ``shown`` [B, K], or the sound's own.
        """
        kinds = self.config.training.discriminator_augmentation
        if kinds:
            image = diff_augment(image, kinds, step_seed(self.config, self.step))
        pair = tf.concat([batch["spectrogram"], image], axis=-1)
        if self.config.model.discriminator_label != "none":
            pair = concat_label_channels(pair, batch["label"] if shown is None else shown)
        return self.discriminator.feature_maps(
            pair, training=True, update_statistics=update_statistics
        )
