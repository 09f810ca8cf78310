"""What every system that draws has in common, whatever its networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import keras
import tensorflow as tf

from cargan_tf.models.classifier import Classifier


class Pictures(Protocol):
    """What a system makes of a batch of sounds."""

    @property
    def coarse(self) -> tf.Tensor:
        """I', [B, S, S, 3] in [-1, 1]."""

    @property
    def refined(self) -> tf.Tensor:
        """The picture, [B, S, S, 3] in [-1, 1]; ``coarse`` itself where there is one stage."""


class OneStage(NamedTuple):
    """The pictures of a system that draws at one go."""

    coarse: tf.Tensor
    refined: tf.Tensor

    @classmethod
    def of(cls, picture: tf.Tensor) -> OneStage:
        """[B, S, S, 3], both coarse and refined."""
        return cls(coarse=picture, refined=picture)


class DrawingNetwork(Protocol):
    """A Keras model from sound to picture: the cascade, S2IC or CMCGAN.

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
    ) -> Pictures:
        """Draw.

        Args:
            spectrogram: [B, S, S, 1] in [-1, 1]; 3 channels with ``model.spectrogram: jet``.
            label: [B, K], one-hot. S2IC and CMCGAN do not look at it.
            seed: int32 [2], of what is random in this training step.
            training: batch statistics, dropout and a fresh latent vector. Without, one sound gives
                one picture.
        """
