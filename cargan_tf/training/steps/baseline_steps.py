"""Training steps of the baselines: S2IC (Chen et al. 2017) and CMCGAN (Hao et al. 2018)."""

from __future__ import annotations

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
    TrainStep,
    apply_gradients,
    mismatched,
)


class S2ICStep(TrainStep):
    """Trains the sound encoder, then the generator, then the discriminator.

    The authors train the encoder beforehand; here it is trained in the same step, on its own loss.
    """

    def __init__(
        self,
        config: Config,
        network: S2IC,
        discriminator: S2ICDiscriminator,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        super().__init__(config, network, discriminator, strategy)
        self.encoder_optimizer = make_adam(config, steps_per_epoch)
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(config, steps_per_epoch)
        # Optimizers must own their variables before the step is traced.
        self.encoder_optimizer.build(network.encoder.trainable_variables)
        self.generator_optimizer.build(network.generator.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    def networks(self) -> dict[str, keras.Model]:
        """All networks, by name."""
        return {
            "sound encoder": self.network.encoder,
            "G": self.network.generator,
            "D": self.discriminator,
        }

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """All optimizers, by name."""
        return {
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
        """Classify the instrument; the features are passed on without gradients."""
        with tf.GradientTape() as tape:
            features, logits = self.network.encoder(batch["spectrogram"], training=True)
            losses = self._batch_means(
                {"sound_classification": classification_loss(logits, batch["label"])}
            )
        variables = self.network.encoder.trainable_variables
        apply_gradients(tape, losses["sound_classification"], variables, self.encoder_optimizer)
        return tf.stop_gradient(features), losses

    def _train_generator(self, batch: Batch, features: tf.Tensor) -> tuple[tf.Tensor, Losses]:
        """Adversarial loss of the image with its sound."""
        variables = self.network.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = self._seed()
            image = self.network.generator(features, seed=seed, training=True)
            logits = self.discriminator(image, features, training=True, update_statistics=False)
            losses = {"adversarial": gan_real_loss(logits)}
            losses["coarse_l1"] = l1_loss(batch["photo"], image)  # logged only
            losses = self._batch_means(losses)
        apply_gradients(tape, losses["adversarial"], variables, self.generator_optimizer)
        return tf.stop_gradient(image), losses

    def _train_discriminator(self, batch: Batch, features: tf.Tensor, image: tf.Tensor) -> Losses:
        """Matching-aware loss: a photo with another pair's sound counts as fake."""
        weights = self.config.s2ic
        mismatched_features = mismatched(features)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(batch["photo"], features, training=True)
            mismatched_logits = self.discriminator(
                batch["photo"], mismatched_features, training=True
            )
            generated = self.discriminator(image, features, training=True)
            losses = {
                "real_discriminator": gan_real_loss(real),
                "mismatched_discriminator": gan_fake_loss(mismatched_logits),
                "generated_discriminator": gan_fake_loss(generated),
            }
            losses = self._batch_means(losses)
            total = (
                losses["real_discriminator"]
                + weights.mismatched * losses["mismatched_discriminator"]
                + weights.generated * losses["generated_discriminator"]
            )
        apply_gradients(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}


class CMCGANStep(TrainStep):
    """Trains the four sub-networks together, then the discriminator."""

    def __init__(
        self,
        config: Config,
        network: CMCGAN,
        discriminator: JointDiscriminator,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
    ) -> None:
        super().__init__(config, network, discriminator, strategy)
        self.generator_optimizer = make_adam(config, steps_per_epoch)
        self.discriminator_optimizer = make_adam(config, steps_per_epoch)
        # Optimizers must own their variables before the step is traced.
        self.generator_optimizer.build(network.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)

    def networks(self) -> dict[str, keras.Model]:
        """All networks, by name."""
        return {
            "sound encoder": self.network.sound_encoder,
            "image encoder": self.network.image_encoder,
            "sound decoder": self.network.sound_decoder,
            "image decoder": self.network.image_decoder,
            "D": self.discriminator,
        }

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """All optimizers, by name."""
        return {
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def _replica_step(self, batch: Batch) -> Losses:
        cycles, generator_losses = self._train_generators(batch)
        discriminator_losses = self._train_discriminator(batch, cycles)
        self.step.assign_add(1)
        return {**generator_losses, **discriminator_losses}

    def _train_generators(self, batch: Batch) -> tuple[CyclePaths, Losses]:
        """Adversarial losses of both generated halves, cycle and reconstruction losses."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        variables = self.network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            seed = self._seed()
            cycles = self.network.cycles(spectrogram, photo, seed)
            losses = {
                "image_adversarial": gan_real_loss(self._discriminate(cycles.image, spectrogram)),
                "sound_adversarial": gan_real_loss(self._discriminate(photo, cycles.sound)),
                "photo_cycle_l1": l1_loss(photo, cycles.photo_around),
                "sound_cycle_l1": l1_loss(spectrogram, cycles.sound_around),
                "photo_again_l1": l1_loss(photo, cycles.photo_again),
                "sound_again_l1": l1_loss(spectrogram, cycles.sound_again),
                "coarse_l1": l1_loss(photo, cycles.image),  # logged only
            }
            losses = self._batch_means(losses)
            total = (
                losses["image_adversarial"]
                + losses["sound_adversarial"]
                + weights.cycle * (losses["photo_cycle_l1"] + losses["sound_cycle_l1"])
                + weights.reconstruction * (losses["photo_again_l1"] + losses["sound_again_l1"])
            )
        apply_gradients(tape, total, variables, self.generator_optimizer)
        return cycles, {**losses, "generators": total}

    def _discriminate(self, image: tf.Tensor, spectrogram: tf.Tensor) -> tf.Tensor:
        """D's logits, without updating its statistics."""
        return self.discriminator(image, spectrogram, training=True, update_statistics=False)

    def _train_discriminator(self, batch: Batch, cycles: CyclePaths) -> Losses:
        """Joint corresponding loss: real matching pairs against all other pairs."""
        spectrogram, photo, weights = batch["spectrogram"], batch["photo"], self.config.cmcgan
        image, sound = tf.stop_gradient(cycles.image), tf.stop_gradient(cycles.sound)
        mismatched_sound = mismatched(spectrogram)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            real = self.discriminator(photo, spectrogram, training=True)
            mismatched_logits = self.discriminator(photo, mismatched_sound, training=True)
            with_image = self.discriminator(image, spectrogram, training=True)
            with_sound = self.discriminator(photo, sound, training=True)
            losses = {
                "real_discriminator": gan_real_loss(real),
                "mismatched_discriminator": gan_fake_loss(mismatched_logits),
                "image_discriminator": gan_fake_loss(with_image),
                "sound_discriminator": gan_fake_loss(with_sound),
            }
            losses = self._batch_means(losses)
            total = (
                weights.real_pairs * losses["real_discriminator"]
                + weights.mismatched * losses["mismatched_discriminator"]
                + weights.generated
                * (losses["image_discriminator"] + losses["sound_discriminator"])
            )
        apply_gradients(tape, total, variables, self.discriminator_optimizer)
        return {**losses, "discriminator": total}
