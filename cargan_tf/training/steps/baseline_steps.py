"""One training step of S2IC (Chen et al. 2017): sound encoder, then generator, then discriminator.

The authors train the encoder beforehand; here it learns in the same step, from its own loss alone.
"""
# MERGED One training step of CMCGAN (Hao et al. 2018): the four sub-networks together, then D.

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cmcgan import CMCGAN, Cycles, JointDiscriminator
from cargan_tf.models.s2ic import S2IC, S2ICDiscriminator
from cargan_tf.training.losses import (
    classification_loss,
    judged_fake_loss,
    judged_real_loss,
    l1_loss,
)
from cargan_tf.training.optimizers import make_adam
from cargan_tf.training.steps.train_step import (
    Batch,
    Losses,
    batch_means,
    descend,
    new_step_counter,
    of_next_pair,
    on_all_replicas,
    step_seed,
)


class S2ICStep:
    """The networks, their optimisers and the compiled step; see ``CompiledStep``.

    Make it inside ``strategy.scope()``.
    """

    def __init__(
        self,
        config: Config,
        network: S2IC,
        discriminator: S2ICDiscriminator,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        self.config = config
        self.network = network
        self.discriminator = discriminator
        self.strategy = strategy
        self.step = new_step_counter()
        self.encoder_optimizer = make_adam(config, steps_per_epoch)
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(config, steps_per_epoch)
        # Optimisers must own their variables before the step is traced.
        self.encoder_optimizer.build(network.encoder.trainable_variables)
        self.generator_optimizer.build(network.generator.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch; see ``CompiledStep``."""
        return on_all_replicas(self.strategy, self._replica_step, batch)

    def networks(self) -> dict[str, keras.Model]:
        """By name."""
        return {
            "sound encoder": self.network.encoder,
            "G": self.network.generator,
            "D": self.discriminator,
        }

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds; see ``CompiledStep``."""
        return {
            self.network.name: self.network,
            "discriminator": self.discriminator,
            "encoder_optimizer": self.encoder_optimizer,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch) -> Losses:
        features, encoder_losses = self._train_encoder(batch)
        picture, generator_losses = self._train_generator(batch, features)
        discriminator_losses = self._train_discriminator(batch, features, picture)
        self.step.assign_add(1)
        return {**encoder_losses, **generator_losses, **discriminator_losses}

    def _train_encoder(self, batch: Batch) -> tuple[tf.Tensor, Losses]:
        """The encoder learns to name the instrument; its features go on as they are."""
        with tf.GradientTape() as tape:
            features, logits = self.network.encoder(batch["spectrogram"], training=True)
            losses = batch_means(
                {"sound_classification": classification_loss(logits, batch["label"])}, self.config
            )
        variables = self.network.encoder.trainable_variables
        descend(tape, losses["sound_classification"], variables, self.encoder_optimizer)
        return tf.stop_gradient(features), losses

    def _train_generator(self, batch: Batch, features: tf.Tensor) -> tuple[tf.Tensor, Losses]:
        """The generator wants its picture taken for a real one of this sound."""
        variables = self.network.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = step_seed(self.config, self.step)
            picture = self.network.generator(features, seed=seed, training=True)
            logits = self.discriminator(picture, features, training=True, update_statistics=False)
            losses = {"adversarial": judged_real_loss(logits)}
            losses["coarse_l1"] = l1_loss(batch["photo"], picture)  # watched, not learnt from
            losses = batch_means(losses, self.config)
        descend(tape, losses["adversarial"], variables, self.generator_optimizer)
        return tf.stop_gradient(picture), losses

    def _train_discriminator(self, batch: Batch, features: tf.Tensor, picture: tf.Tensor) -> Losses:
        """Real is a photo with its own sound; a photo with another pair's sound is not."""
        weights = self.config.s2ic
        wrong_features = of_next_pair(features)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(batch["photo"], features, training=True)
            mismatched = self.discriminator(batch["photo"], wrong_features, training=True)
            generated = self.discriminator(picture, features, training=True)
            losses = {
                "real_judged": judged_real_loss(real),
                "mismatched_judged": judged_fake_loss(mismatched),
                "generated_judged": judged_fake_loss(generated),
            }
            losses = batch_means(losses, self.config)
            total = (
                losses["real_judged"]
                + weights.mismatched * losses["mismatched_judged"]
                + weights.generated * losses["generated_judged"]
            )
        descend(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}


class CMCGANStep:
    """The networks, their optimisers and the compiled step; see ``CompiledStep``.

    Make it inside ``strategy.scope()``.
    """

    def __init__(
        self,
        config: Config,
        network: CMCGAN,
        discriminator: JointDiscriminator,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        self.config = config
        self.network = network
        self.discriminator = discriminator
        self.strategy = strategy
        self.step = new_step_counter()
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(config, steps_per_epoch)
        # Optimisers must own their variables before the step is traced.
        self.generator_optimizer.build(network.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch; see ``CompiledStep``."""
        return on_all_replicas(self.strategy, self._replica_step, batch)

    def networks(self) -> dict[str, keras.Model]:
        """By name."""
        return {
            "sound encoder": self.network.sound_encoder,
            "picture encoder": self.network.picture_encoder,
            "sound decoder": self.network.sound_decoder,
            "picture decoder": self.network.picture_decoder,
            "D": self.discriminator,
        }

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds; see ``CompiledStep``."""
        return {
            self.network.name: self.network,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch) -> Losses:
        cycles, generator_losses = self._train_generators(batch)
        discriminator_losses = self._train_discriminator(batch, cycles)
        self.step.assign_add(1)
        return {**generator_losses, **discriminator_losses}

    def _train_generators(self, batch: Batch) -> tuple[Cycles, Losses]:
        """Generated halves must be taken for real and fitting; round trips must lead back."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        variables = self.network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = step_seed(self.config, self.step)
            cycles = self.network.cycles(spectrogram, photo, seed)
            losses = {
                "picture_adversarial": judged_real_loss(self._asked(cycles.picture, spectrogram)),
                "sound_adversarial": judged_real_loss(self._asked(photo, cycles.sound)),
                "photo_cycle_l1": l1_loss(photo, cycles.photo_around),
                "sound_cycle_l1": l1_loss(spectrogram, cycles.sound_around),
                "photo_again_l1": l1_loss(photo, cycles.photo_again),
                "sound_again_l1": l1_loss(spectrogram, cycles.sound_again),
                "coarse_l1": l1_loss(photo, cycles.picture),  # watched, not learnt from
            }
            losses = batch_means(losses, self.config)
            total = (
                losses["picture_adversarial"]
                + losses["sound_adversarial"]
                + weights.cycle * (losses["photo_cycle_l1"] + losses["sound_cycle_l1"])
                + weights.reconstruction * (losses["photo_again_l1"] + losses["sound_again_l1"])
            )
        descend(tape, total, variables, self.generator_optimizer)
        return cycles, {**losses, "generators": total}

    def _asked(self, picture: tf.Tensor, spectrogram: tf.Tensor) -> tf.Tensor:
        """D's logits while it must not change."""
        return self.discriminator(picture, spectrogram, training=True, update_statistics=False)

    def _train_discriminator(self, batch: Batch, cycles: Cycles) -> Losses:
        """The joint corresponding loss: real halves that match, against all other pairs."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        picture, sound = tf.stop_gradient(cycles.picture), tf.stop_gradient(cycles.sound)
        wrong_sound = of_next_pair(spectrogram)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(photo, spectrogram, training=True)
            mismatched = self.discriminator(photo, wrong_sound, training=True)
            with_picture = self.discriminator(picture, spectrogram, training=True)
            with_sound = self.discriminator(photo, sound, training=True)
            losses = {
                "real_judged": judged_real_loss(real),
                "mismatched_judged": judged_fake_loss(mismatched),
                "picture_judged": judged_fake_loss(with_picture),
                "sound_judged": judged_fake_loss(with_sound),
            }
            losses = batch_means(losses, self.config)
            total = (
                weights.real_pairs * losses["real_judged"]
                + weights.mismatched * losses["mismatched_judged"]
                + weights.generated * (losses["picture_judged"] + losses["sound_judged"])
            )
        descend(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}
