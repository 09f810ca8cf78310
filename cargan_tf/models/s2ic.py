"""S2IC: a sound's code and a latent vector become an image (Chen et al. 2017, "S2I-C")."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.base import CompositeLayer, OneStageOutput
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.dcgan import (
    INNERMOST,
    ConvDecoder,
    ConvEncoder,
    PairDiscriminator,
    flattened,
    latent_vectors,
)
from cargan_tf.models.layers import leaky_relu


class S2IC(CompositeLayer, keras.Model):
    """Sound encoder and generator. The label is ignored: the image depends on the sound alone.

    The encoder is trained only to classify (the C in S2IC); the generator's gradient does not
    reach it.
    """

    classifier: Classifier | None = None

    def __init__(self, config: Config, label_count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = SoundEncoder(config, label_count, name="encoder")
        self.generator = ImageDecoder(config, name="generator")

    def call(
        self,
        spectrogram: tf.Tensor,
        label: tf.Tensor,
        player: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> OneStageOutput:
        """Generate; see ``ImageGenerator``."""
        features, _ = self.encoder(spectrogram, training=training)
        return OneStageOutput.of(self.generator(features, seed=seed, training=training))


class SoundEncoder(CompositeLayer, keras.Model):
    """Four convolutions at 64 pixels and a dense layer, trained to classify the instrument.

    Input shape: [B, S, S, C] in [-1, 1]. Output: features [B, ``s2ic.features``] and logits [B, K].
    """

    def __init__(self, config: Config, label_count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes, stddev = config.s2ic, config.model.init_stddev
        self.down = ConvEncoder(config.data.side, sizes.encoder_width, stddev)
        self.to_features = keras.layers.Dense(sizes.features)
        self.to_logits = keras.layers.Dense(label_count)

    def call(self, spectrogram: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Features and logits."""
        features = self.to_features(flattened(self.down(spectrogram, training=training)))
        features = leaky_relu(features, after_bias=True)
        return features, self.to_logits(features)


class ImageDecoder(CompositeLayer, keras.Model):
    """The generator: features to a code, a latent vector beside it, and up to an image.

    Input shape: [B, ``s2ic.features``]. Output shape: [B, S, S, 3] in [-1, 1].
    """

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes, stddev = config.s2ic, config.model.init_stddev
        self.latent = sizes.latent
        self.to_code = keras.layers.Dense(sizes.code)
        self.up = ConvDecoder(config.data.side, 3, sizes.generator_width, stddev)

    def call(
        self, features: tf.Tensor, seed: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Generate; ``seed`` as in ``latent_vectors``."""
        code = leaky_relu(self.to_code(features), after_bias=True)
        latent = latent_vectors(tf.shape(code)[0], self.latent, seed)
        return self.up(tf.concat([code, latent], axis=-1), training=training)


class S2ICDiscriminator(CompositeLayer, keras.Model):
    """Whether an image is real and of this sound.

    The sound's features become a code of its own here, repeated over the innermost map.
    Input shapes: [B, S, S, 3] and [B, ``s2ic.features``]. Output shape: [B, 1, 1, 1], logits.
    """

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes, stddev = config.s2ic, config.model.init_stddev
        self.down = ConvEncoder(config.data.side, sizes.discriminator_width, stddev)
        self.to_code = keras.layers.Dense(sizes.code)
        self.discriminator = PairDiscriminator(8 * sizes.discriminator_width, stddev)

    def call(
        self,
        image: tf.Tensor,
        features: tf.Tensor,
        training: bool = False,
        update_statistics: bool = True,
    ) -> tf.Tensor:
        """Discriminate; see ``BatchNorm.call`` for ``update_statistics``."""
        seen = self.down(image, training=training, update_statistics=update_statistics)
        code = leaky_relu(self.to_code(features), after_bias=True)
        codes = tf.tile(code[:, None, None, :], [1, INNERMOST, INNERMOST, 1])
        return self.discriminator(
            tf.concat([seen, codes], axis=-1),
            training=training,
            update_statistics=update_statistics,
        )


def new_s2ic(config: Config, label_count: int) -> S2IC:
    """S2IC with built weights."""
    size = config.data.side
    network = S2IC(config, label_count, name="s2ic")
    sound = tf.zeros([1, size, size, config.model.spectrogram_channels])
    network(sound, tf.zeros([1, label_count]))
    return network


def new_s2ic_discriminator(config: Config) -> S2ICDiscriminator:
    """Its discriminator with built weights."""
    size = config.data.side
    discriminator = S2ICDiscriminator(config, name="discriminator")
    discriminator(tf.zeros([1, size, size, 3]), tf.zeros([1, config.s2ic.features]))
    return discriminator
