"""The training step of each kind of system (``model.kind``)."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.cascade import Cascade
from cargan_tf.models.cmcgan import CMCGAN, new_joint_discriminator
from cargan_tf.models.drawing import DrawingNetwork
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.models.s2ic import S2IC, new_s2ic_discriminator
from cargan_tf.training.cmcgan_step import CMCGANStep
from cargan_tf.training.replicas import CompiledStep
from cargan_tf.training.s2ic_step import S2ICStep
from cargan_tf.training.step import TrainingStep


def new_step(
    config: Config,
    network: DrawingNetwork,
    label_count: int,
    strategy: tf.distribute.Strategy,
    steps_per_epoch: int,
) -> CompiledStep:
    """The step that trains ``network``, with a discriminator made for it.

    Call it inside ``strategy.scope()``.
    """
    rest = (strategy, steps_per_epoch)
    if isinstance(network, Cascade):
        return TrainingStep(config, network, new_discriminator(config, label_count), *rest)
    if isinstance(network, S2IC):
        return S2ICStep(config, network, new_s2ic_discriminator(config), *rest)
    if isinstance(network, CMCGAN):
        return CMCGANStep(config, network, new_joint_discriminator(config), *rest)
    raise TypeError(f"no training step for a {type(network).__name__}")
