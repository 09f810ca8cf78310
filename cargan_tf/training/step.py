"""One training step (paper Sec. 2.5): G1 and G2 together with D fixed, then D."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cascade import Cascade, Stages, with_label_planes
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.adam import make_adam
from cargan_tf.training.losses import (
    classification_loss,
    judged_fake_loss,
    judged_real_loss,
    l1_loss,
)

Batch = dict[str, tf.Tensor]
Losses = dict[str, tf.Tensor]


class TrainingStep:
    """The networks, their optimisers and the compiled step under a strategy.

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
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name="step",
        )
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(config, steps_per_epoch)
        # Optimisers must own their variables before the step is traced.
        self.generator_optimizer.build(cascade.generator_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch.

        Args:
            batch: ``spectrogram`` [B, S, S, 1], ``label`` [B, K] and ``photo`` [B, S, S, 3], spread
                over the replicas by the strategy.

        Returns:
            Each loss term, unweighted, as the mean over the global batch.
        """
        per_replica = self.strategy.run(self._replica_step, args=(batch,))
        return {
            name: self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in per_replica.items()
        }

    def _replica_step(self, batch: Batch) -> Losses:
        stages, losses = self._train_generators(batch)
        losses |= self._train_discriminator(batch, stages)
        self.step.assign_add(1)
        return losses

    def _train_generators(self, batch: Batch) -> tuple[Stages, Losses]:
        weights = self.config.loss
        label, photo = batch["label"], batch["photo"]
        seed = tf.stack([self.config.training.seed, tf.cast(self.step, tf.int32)])
        variables = self.cascade.generator_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            stages = self.cascade(batch["spectrogram"], label, seed=seed, training=True)
            refined_logits = self.cascade.classifier(stages.refined, training=False)
            losses = {
                "coarse_classification": classification_loss(stages.coarse_logits, label),
                "refined_classification": classification_loss(refined_logits, label),
                "coarse_adversarial": judged_real_loss(self._judge(batch, stages.coarse, False)),
                "refined_adversarial": judged_real_loss(self._judge(batch, stages.refined, False)),
                "coarse_l1": l1_loss(photo, stages.coarse),
                "refined_l1": l1_loss(photo, stages.refined),
            }
            losses = self._batch_means(losses)
            total = (
                weights.classification
                * (
                    weights.coarse_classification * losses["coarse_classification"]
                    + weights.refined_classification * losses["refined_classification"]
                )
                + weights.adversarial
                * (
                    weights.coarse_adversarial * losses["coarse_adversarial"]
                    + weights.refined_adversarial * losses["refined_adversarial"]
                )
                + weights.l1 * (losses["coarse_l1"] + losses["refined_l1"])
            )
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self.generator_optimizer.apply(gradients, variables)
        return stages, {**losses, "generators": total}

    def _train_discriminator(self, batch: Batch, stages: Stages) -> Losses:
        weights = self.config.loss
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            coarse, refined = tf.stop_gradient(stages.coarse), tf.stop_gradient(stages.refined)
            losses = {
                "real_judged": judged_real_loss(self._judge(batch, batch["photo"], True)),
                "coarse_judged": judged_fake_loss(self._judge(batch, coarse, True)),
                "refined_judged": judged_fake_loss(self._judge(batch, refined, True)),
            }
            losses = self._batch_means(losses)
            total = weights.adversarial * (
                weights.real_pairs * losses["real_judged"]
                + weights.coarse_adversarial * losses["coarse_judged"]
                + weights.refined_adversarial * losses["refined_judged"]
            )
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self.discriminator_optimizer.apply(gradients, variables)
        return {**losses, "discriminator": total}

    def _judge(self, batch: Batch, picture: tf.Tensor, update_statistics: bool) -> tf.Tensor:
        """D's logits for [A, I]; D changes in its own half of the step only."""
        pair = tf.concat([batch["spectrogram"], picture], axis=-1)
        if self.config.model.discriminator_label == "audio":
            pair = with_label_planes(pair, batch["label"])
        return self.discriminator(pair, training=True, update_statistics=update_statistics)

    def _batch_means(self, losses: Losses) -> Losses:
        """This replica's part of each loss's mean over the global batch."""
        batch_size = self.config.training.batch_size
        return {name: tf.reduce_sum(loss) / batch_size for name, loss in losses.items()}
