"""The numbers that layers compute in: float32, or half as wide (Micikevicius et al. 2018)."""
# MERGED Networks and blocks that are made of layers, and have no weights but theirs.
# MERGED What every system that draws has in common, whatever its networks.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from cargan_tf.models.classifier import Classifier


Precision = Literal["float32", "bfloat16", "float16"]

#: What a layer is made with that takes its input as it comes and computes in float32 itself.
FLOAT32_LAYER = {"dtype": "float32", "autocast": False}


@contextmanager
def precision_scope(precision: Precision) -> Iterator[None]:
    """Layers made within keep their weights in float32 and multiply in ``precision``.

    The cascade, batch norm's statistics, softmax and what networks give stay float32.
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
    """``values`` in float32, where a result leaves the network or is summed over many places."""
    return tf.cast(values, tf.float32)


class CompositeLayer(keras.layers.Layer):
    """A layer whose parts make their weights themselves, at its first call, which must be eager.

    Keras would trace it beforehand to find them, and its parts within that trace again: what lies
    three blocks deep is then traced three times before it is called.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True


class GeneratorOutput(Protocol):
    """What a system makes of a batch of sounds."""

    @property
    def coarse(self) -> tf.Tensor:
        """I', [B, S, S, 3] in [-1, 1]."""

    @property
    def refined(self) -> tf.Tensor:
        """The image, [B, S, S, 3] in [-1, 1]; ``coarse`` itself where there is one stage."""


class OneStageOutput(NamedTuple):
    """The images of a system that draws at one go."""

    coarse: tf.Tensor
    refined: tf.Tensor

    @classmethod
    def of(cls, image: tf.Tensor) -> OneStageOutput:
        """[B, S, S, 3], both coarse and refined."""
        return cls(coarse=image, refined=image)


class ImageGenerator(Protocol):
    """A Keras model from sound to image: the cascade, S2IC or CMCGAN.

    Attributes:
        name: under which a checkpoint holds it.
        variables: in the order in which they were made.
        classifier: C, where the network has it inside; it is trained beforehand and frozen.
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
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> GeneratorOutput:
        """Draw.

        Args:
            spectrogram: [B, S, S, 1] in [-1, 1]; 3 channels with ``model.spectrogram: jet``.
            label: [B, K], one-hot. S2IC and CMCGAN do not look at it.
            seed: int32 [2], of what is random in this training step.
            training: batch statistics, dropout and a fresh latent vector. Without, one sound gives
                one image.
        """
