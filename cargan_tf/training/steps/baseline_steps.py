"""One training step of S2IC (Chen et al. 2017): sound encoder, then generator, then discriminator.

The authors train the encoder beforehand; here it learns in the same step, from its own loss alone.
"""
# MERGED One training step of CMCGAN (Hao et al. 2018): the four sub-networks together, then D.

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cmcgan import CMCGAN, CyclePaths, JointDiscriminator
from cargan_tf.models.s2ic import S2IC, S2ICDiscriminator
from cargan_tf.training.losses import (
    classification_loss,
    gan_fake_loss,
    gan_real_loss,
    l1_loss,
)
from cargan_tf.training.optimizers import make_adam
from cargan_tf.training.steps.train_step import (
    Batch,
    Losses,
    apply_gradients,
    batch_means,
    mismatched,
    new_step_counter,
    run_on_replicas,
    step_seed,
)


class S2ICStep:
    """The networks, their optimizers and the compiled step; see ``TrainStep``.

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
        # Optimizers must own their variables before the step is traced.
        self.encoder_optimizer.build(network.encoder.trainable_variables)
        self.generator_optimizer.build(network.generator.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch; see ``TrainStep``."""
        return run_on_replicas(self.strategy, self._replica_step, batch)

    def networks(self) -> dict[str, keras.Model]:
        """By name."""
        return {
            "sound encoder": self.network.encoder,
            "G": self.network.generator,
            "D": self.discriminator,
        }

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds; see ``TrainStep``."""
        return {
            self.network.name: self.network,
            "discriminator": self.discriminator,
            "encoder_optimizer": self.encoder_optimizer,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch) -> Losses:
        features, encoder_losses = self._train_encoder(batch)
        image, generator_losses = self._train_generator(batch, features)
        discriminator_losses = self._train_discriminator(batch, features, image)
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
        apply_gradients(tape, losses["sound_classification"], variables, self.encoder_optimizer)
        return tf.stop_gradient(features), losses

    def _train_generator(self, batch: Batch, features: tf.Tensor) -> tuple[tf.Tensor, Losses]:
        """The generator wants its image taken for a real one of this sound."""
        variables = self.network.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = step_seed(self.config, self.step)
            image = self.network.generator(features, seed=seed, training=True)
            logits = self.discriminator(image, features, training=True, update_statistics=False)
            losses = {"adversarial": gan_real_loss(logits)}
            losses["coarse_l1"] = l1_loss(batch["photo"], image)  # watched, not learned from
            losses = batch_means(losses, self.config)
        apply_gradients(tape, losses["adversarial"], variables, self.generator_optimizer)
        return tf.stop_gradient(image), losses

    def _train_discriminator(self, batch: Batch, features: tf.Tensor, image: tf.Tensor) -> Losses:
        """Real is a photo with its own sound; a photo with another pair's sound is not."""
        weights = self.config.s2ic
        wrong_features = mismatched(features)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(batch["photo"], features, training=True)
            mismatched_logits = self.discriminator(batch["photo"], wrong_features, training=True)
            generated = self.discriminator(image, features, training=True)
            losses = {
                "real_judged": gan_real_loss(real),
                "mismatched_judged": gan_fake_loss(mismatched_logits),
                "generated_judged": gan_fake_loss(generated),
            }
            losses = batch_means(losses, self.config)
            total = (
                losses["real_judged"]
                + weights.mismatched * losses["mismatched_judged"]
                + weights.generated * losses["generated_judged"]
            )
        apply_gradients(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}


class CMCGANStep:
    """The networks, their optimizers and the compiled step; see ``TrainStep``.

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
        # Optimizers must own their variables before the step is traced.
        self.generator_optimizer.build(network.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch; see ``TrainStep``."""
        return run_on_replicas(self.strategy, self._replica_step, batch)

    def networks(self) -> dict[str, keras.Model]:
        """By name."""
        return {
            "sound encoder": self.network.sound_encoder,
            "image encoder": self.network.image_encoder,
            "sound decoder": self.network.sound_decoder,
            "image decoder": self.network.image_decoder,
            "D": self.discriminator,
        }

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds; see ``TrainStep``."""
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

    def _train_generators(self, batch: Batch) -> tuple[CyclePaths, Losses]:
        """Generated halves must be taken for real and fitting; round trips must lead back."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        variables = self.network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = step_seed(self.config, self.step)
            cycles = self.network.cycles(spectrogram, photo, seed)
            losses = {
                "picture_adversarial": gan_real_loss(self._asked(cycles.image, spectrogram)),
                "sound_adversarial": gan_real_loss(self._asked(photo, cycles.sound)),
                "photo_cycle_l1": l1_loss(photo, cycles.photo_around),
                "sound_cycle_l1": l1_loss(spectrogram, cycles.sound_around),
                "photo_again_l1": l1_loss(photo, cycles.photo_again),
                "sound_again_l1": l1_loss(spectrogram, cycles.sound_again),
                "coarse_l1": l1_loss(photo, cycles.image),  # watched, not learned from
            }
            losses = batch_means(losses, self.config)
            total = (
                losses["picture_adversarial"]
                + losses["sound_adversarial"]
                + weights.cycle * (losses["photo_cycle_l1"] + losses["sound_cycle_l1"])
                + weights.reconstruction * (losses["photo_again_l1"] + losses["sound_again_l1"])
            )
        apply_gradients(tape, total, variables, self.generator_optimizer)
        return cycles, {**losses, "generators": total}

    def _asked(self, image: tf.Tensor, spectrogram: tf.Tensor) -> tf.Tensor:
        """D's logits while it must not change."""
        return self.discriminator(image, spectrogram, training=True, update_statistics=False)

    def _train_discriminator(self, batch: Batch, cycles: CyclePaths) -> Losses:
        """The joint corresponding loss: real halves that match, against all other pairs."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        image, sound = tf.stop_gradient(cycles.image), tf.stop_gradient(cycles.sound)
        wrong_sound = mismatched(spectrogram)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(photo, spectrogram, training=True)
            mismatched_logits = self.discriminator(photo, wrong_sound, training=True)
            with_picture = self.discriminator(image, spectrogram, training=True)
            with_sound = self.discriminator(photo, sound, training=True)
            losses = {
                "real_judged": gan_real_loss(real),
                "mismatched_judged": gan_fake_loss(mismatched_logits),
                "picture_judged": gan_fake_loss(with_picture),
                "sound_judged": gan_fake_loss(with_sound),
            }
            losses = batch_means(losses, self.config)
            total = (
                weights.real_pairs * losses["real_judged"]
                + weights.mismatched * losses["mismatched_judged"]
                + weights.generated * (losses["picture_judged"] + losses["sound_judged"])
            )
        apply_gradients(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}
