"""The authors' training step, as their code goes about it, with our networks."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.training.losses import gan_fake_loss, gan_real_loss
from cargan_tf.training.steps.cargan_step import CarganStep
from cargan_tf.training.steps.train_step import Batch, Losses


class AuthorsStep(CarganStep):
    """D first; then C's losses and the others are each propagated back through both generators.

    D is shown the residue of the coarse image, not cut off from what made it, so D's loss is
    propagated through C into G1 as well; the result is thrown away. The weights move as by
    ``CarganStep`` with ``configs/authors.yaml``.
    """

    def _replica_step(self, batch: Batch) -> Losses:
        generators, discriminator = (
            self.cascade.generator_variables,
            self.discriminator.trainable_variables,
        )
        first = self.cascade.coarse_generator.trainable_variables
        seed = self._seed()
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in (*generators, *discriminator)])
            stages = self.cascade(batch["spectrogram"], batch["label"], seed=seed, training=True)
            loss = self._discriminator_loss(batch, stages.coarse, stages.refined, stages.residue)
            with tape.stop_recording():
                gradients = tape.gradient(
                    loss, [variable.value for variable in (*discriminator, *first)]
                )
                self.discriminator_optimizer.apply(gradients[: len(discriminator)], discriminator)
            losses = self._batch_means(self._generator_losses(batch, stages))
            named = {name: loss for name, loss in losses.items() if "classification" in name}
            others = {name: loss for name, loss in losses.items() if name not in named}
            totals = [self._weighted_sum(named), self._weighted_sum(others)]
        values = [variable.value for variable in generators]
        by_c, by_others = (tape.gradient(total, values) for total in totals)
        summed = [left + right for left, right in zip(by_c, by_others, strict=True)]
        self.generator_optimizer.apply(summed, generators)
        self.step.assign_add(1)
        # Otherwise TensorFlow would see that nobody asks for them, and not compute them.
        with tf.control_dependencies(gradients[len(discriminator) :]):
            return {**losses, "discriminator": tf.identity(loss)}

    def _discriminator_loss(
        self, batch: Batch, coarse: tf.Tensor, refined: tf.Tensor, residue: tf.Tensor
    ) -> tf.Tensor:
        """D's loss; only the real pair's residue leads back, as in their code."""
        cut = tf.stop_gradient
        real = self._discriminate(batch, batch["photo"], update_statistics=True, label=residue)[-1]
        losses = [self.config.loss.real_pairs * gan_real_loss(real)]
        for fake in (coarse, refined):
            maps = self._discriminate(batch, cut(fake), update_statistics=True, label=cut(residue))
            losses.append(gan_fake_loss(maps[-1]))
        total = tf.reduce_sum(tf.add_n(losses)) / self.config.training.batch_size
        return self.config.loss.discriminator * total
