"""CMCGAN: images from sounds and sounds from images, in cycles (Hao et al. 2018)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.base import CompositeLayer, OneStageOutput
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.dcgan import (
    ConvDecoder,
    ConvEncoder,
    PairDiscriminator,
    flattened,
    latent_vectors,
)


class CyclePaths(NamedTuple):
    """What the four sub-networks make of a pair. Images are [B, S, S, 3], sounds [B, S, S, C]."""

    image: tf.Tensor  # A-to-V of the sound
    sound: tf.Tensor  # V-to-A of the photo
    photo_again: tf.Tensor  # V-to-V of the photo
    sound_again: tf.Tensor  # A-to-A of the sound
    photo_around: tf.Tensor  # V-to-A, then A-to-V
    sound_around: tf.Tensor  # A-to-V, then V-to-A


class CMCGAN(CompositeLayer, keras.Model):
    """Two encoders and two decoders, which make up A-to-V, V-to-A, A-to-A and V-to-V.

    "Sound" is the spectrogram throughout. The label is ignored.
    """

    classifier: Classifier | None = None

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sound_channels = config.model.spectrogram_channels
        self.sound_encoder = CodeEncoder(config, name="sound_encoder")
        self.image_encoder = CodeEncoder(config, name="image_encoder")
        self.sound_decoder = CodeDecoder(config, sound_channels, name="sound_decoder")
        self.image_decoder = CodeDecoder(config, 3, name="image_decoder")

    def call(
        self,
        spectrogram: tf.Tensor,
        label: tf.Tensor,
        player: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> OneStageOutput:
        """Generate by A-to-V; see ``ImageGenerator``."""
        code = self.sound_encoder(spectrogram, training=training)
        return OneStageOutput.of(self.image_decoder(code, seed=seed, training=training))

    def cycles(self, spectrogram: tf.Tensor, photo: tf.Tensor, seed: tf.Tensor) -> CyclePaths:
        """Every path of a training step.

        The moving statistics are those of the first passage, from real data to the other
        modality: the way in which the trained network is used.

        Args:
            spectrogram: [B, S, S, C] in [-1, 1].
            photo: [B, S, S, 3] in [-1, 1].
            seed: int32 [2], of this step's latent vectors.
        """
        seeds = tf.unstack(tf.random.split(seed, 6))
        code = self.sound_encoder(spectrogram, training=True)
        seen = self.image_encoder(photo, training=True)
        image = self.image_decoder(code, seeds[0], training=True)
        sound = self.sound_decoder(seen, seeds[1], training=True)
        passing = {"training": True, "update_statistics": False}
        return CyclePaths(
            image=image,
            sound=sound,
            photo_again=self.image_decoder(seen, seeds[2], **passing),
            sound_again=self.sound_decoder(code, seeds[3], **passing),
            photo_around=self.image_decoder(
                self.sound_encoder(sound, **passing), seeds[4], **passing
            ),
            sound_around=self.sound_decoder(
                self.image_encoder(image, **passing), seeds[5], **passing
            ),
        )


class CodeEncoder(CompositeLayer, keras.Model):
    """An image or a spectrogram to its code: [B, S, S, C] in [-1, 1] to [B, ``cmcgan.code``]."""

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes, stddev = config.cmcgan, config.model.init_stddev
        self.down = ConvEncoder(config.data.side, sizes.encoder_width, stddev)
        self.to_code = keras.layers.Dense(sizes.code)

    def call(
        self, image: tf.Tensor, training: bool = False, update_statistics: bool = True
    ) -> tf.Tensor:
        """Encode; see ``BatchNorm.call`` for ``update_statistics``."""
        maps = self.down(image, training=training, update_statistics=update_statistics)
        return self.to_code(flattened(maps))


class CodeDecoder(CompositeLayer, keras.Model):
    """A code and a latent vector to an image or a spectrogram: [B, code] to [B, S, S, C].

    The latent vector stands for what the other modality does not hold.
    """

    def __init__(self, config: Config, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = config.cmcgan
        self.latent = sizes.latent
        self.up = ConvDecoder(
            config.data.side, channels, sizes.decoder_width, config.model.init_stddev
        )

    def call(
        self,
        code: tf.Tensor,
        seed: tf.Tensor | None = None,
        training: bool = False,
        update_statistics: bool = True,
    ) -> tf.Tensor:
        """Decode; ``seed`` as in ``latent_vectors``."""
        latent = latent_vectors(tf.shape(code)[0], self.latent, seed)
        vector = tf.concat([code, latent], axis=-1)
        return self.up(vector, training=training, update_statistics=update_statistics)


class JointDiscriminator(CompositeLayer, keras.Model):
    """Whether image and sound are both real and belong together.

    Input shapes: [B, S, S, 3] and [B, S, S, C]. Output shape: [B, 1, 1, 1], logits.
    """

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        size, width = config.data.side, config.cmcgan.discriminator_width
        stddev = config.model.init_stddev
        self.image_down = ConvEncoder(size, width, stddev)
        self.sound_down = ConvEncoder(size, width, stddev)
        self.discriminator = PairDiscriminator(8 * width, stddev)

    def call(
        self,
        image: tf.Tensor,
        spectrogram: tf.Tensor,
        training: bool = False,
        update_statistics: bool = True,
    ) -> tf.Tensor:
        """Discriminate; see ``BatchNorm.call`` for ``update_statistics``."""
        how = {"training": training, "update_statistics": update_statistics}
        maps = (self.image_down(image, **how), self.sound_down(spectrogram, **how))
        return self.discriminator(tf.concat(maps, axis=-1), **how)


def new_cmcgan(config: Config) -> CMCGAN:
    """CMCGAN with built weights."""
    size = config.data.side
    network = CMCGAN(config, name="cmcgan")
    # V-to-A, which generating does not need, has its own weights.
    network.sound_decoder(network.image_encoder(tf.zeros([1, size, size, 3])))
    sound = tf.zeros([1, size, size, config.model.spectrogram_channels])
    network(sound, tf.zeros([1, 1]))
    return network


def new_joint_discriminator(config: Config) -> JointDiscriminator:
    """Its discriminator with built weights."""
    size = config.data.side
    discriminator = JointDiscriminator(config, name="discriminator")
    sound = tf.zeros([1, size, size, config.model.spectrogram_channels])
    discriminator(tf.zeros([1, size, size, 3]), sound)
    return discriminator
