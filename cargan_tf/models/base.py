"""What all models share: the image generator's interface, composite layers, and precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from cargan_tf.models.classifier import Classifier


Precision = Literal["float32", "bfloat16", "float16"]

#: Arguments of a layer that accepts input of any precision and computes in float32.
FLOAT32_LAYER = {"dtype": "float32", "autocast": False}


@contextmanager
def precision_scope(precision: Precision) -> Iterator[None]:
    """Layers created within have float32 weights and compute in ``precision``.

    Mixed precision (Micikevicius et al. 2018): the cascade, batch-norm statistics, softmax and
    network outputs stay float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(
        precision if precision == "float32" else f"mixed_{precision}",
    )
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float32(values: tf.Tensor) -> tf.Tensor:
    """``values`` in float32, for network outputs and sums over many positions."""
    return tf.cast(values, tf.float32)


class CompositeLayer(keras.layers.Layer):
    """A layer made of layers, which create their weights at the first call; it must be eager.

    Keras would trace each level of nesting once more to find weights that the parts create anyway.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True


class GeneratorOutput(Protocol):
    """The images of a batch."""

    @property
    def coarse(self) -> tf.Tensor:
        """I', [B, S, S, 3] in [-1, 1]."""

    @property
    def refined(self) -> tf.Tensor:
        """I'', [B, S, S, 3] in [-1, 1]; equal to ``coarse`` in a model with one stage."""


class OneStageOutput(NamedTuple):
    """The output of a model with one stage."""

    coarse: tf.Tensor
    refined: tf.Tensor

    @classmethod
    def of(cls, image: tf.Tensor) -> OneStageOutput:
        """``image``, [B, S, S, 3], as both coarse and refined."""
        return cls(coarse=image, refined=image)


class ImageGenerator(Protocol):
    """A Keras model from sound to image: the cascade, S2IC or CMCGAN.

    Attributes:
        name: its name in checkpoints.
        variables: in the order of their creation.
        classifier: C if it is part of the model; trained beforehand and frozen.
    """

    name: str
    classifier: Classifier | None

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """All weights and moving statistics."""

    def __call__(
        self,
        spectrogram: tf.Tensor,
        label: tf.Tensor,
        player: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> GeneratorOutput:
        """Generate images.

        Args:
            spectrogram: [B, S, S, 1] in [-1, 1]; 3 channels with ``model.spectrogram: jet``.
            label: [B, K], one-hot. S2IC and CMCGAN ignore it.
            player: [B], index of the player among those of the label; as ``label``.
            seed: int32 [2], the seed of this training step.
            training: use batch statistics, dropout and a random latent vector. Otherwise one sound
                gives one image.
        """


def to_pixels(images: tf.Tensor) -> tf.Tensor:
    """Images in [-1, 1] to uint8 pixels, rounded and clipped."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), tf.uint8)
