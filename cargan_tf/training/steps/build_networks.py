"""Build a run's networks and its training step under a distribution strategy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.models.base import ImageGenerator, precision_scope
from cargan_tf.models.cargan import Cascade
from cargan_tf.models.cmcgan import CMCGAN, new_joint_discriminator
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.models.registry import new_network
from cargan_tf.models.s2ic import S2IC, new_s2ic_discriminator
from cargan_tf.training.classifiers.train_classifier import load_classifier
from cargan_tf.training.ema import EMA
from cargan_tf.training.steps.baseline_steps import CMCGANStep, S2ICStep
from cargan_tf.training.steps.cargan_step import CarganStep
from cargan_tf.training.steps.train_step import TrainStep


def new_step(
    config: Config,
    network: ImageGenerator,
    label_count: int,
    strategy: tf.distribute.Strategy,
    steps_per_epoch: int,
) -> TrainStep:
    """The step that trains ``network``, with a discriminator made for it.

    Call it inside ``strategy.scope()``.
    """
    rest = (strategy, steps_per_epoch)
    if isinstance(network, Cascade):
        return CarganStep(config, network, new_discriminator(config, label_count), *rest)
    if isinstance(network, S2IC):
        return S2ICStep(config, network, new_s2ic_discriminator(config), *rest)
    if isinstance(network, CMCGAN):
        return CMCGANStep(config, network, new_joint_discriminator(config), *rest)
    raise TypeError(f"no training step for a {type(network).__name__}")


@dataclass(frozen=True)
class TrainingNetworks:
    """The networks of a run and what trains them.

    Attributes:
        network: the image generator.
        step: its training step.
        ema: moving average of its weights, if configured.
        accuracy: of C on held-out photos; ``None`` if the generator has no C.
    """

    network: ImageGenerator
    step: TrainStep
    ema: EMA | None
    accuracy: float | None


def build_networks(
    config: Config, dataset: DatasetInfo, strategy: tf.distribute.Strategy, classifier: Path
) -> TrainingNetworks:
    """Build networks and training step, initialized by the configured seed.

    Args:
        config: of the run.
        dataset: gives the labels and the length of an epoch.
        strategy: the weights are created on its replicas.
        classifier: folder of C.

    Raises:
        UserError: C is missing or does not fit.
    """
    labels, settings = dataset.labels, config.training
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope(), precision_scope(settings.precision):
        network = new_network(config, len(labels))
        steps_per_epoch = dataset.steps_per_epoch(settings.batch_size)
        step = new_step(config, network, len(labels), strategy, steps_per_epoch)
        ema = None
        if settings.ema_steps:
            ema = EMA(network, settings.ema_steps, strategy)
    accuracy = None
    if network.classifier is not None:
        accuracy = load_classifier(classifier, config, labels, into=network.classifier).accuracy
    return TrainingNetworks(network, step, ema, accuracy)
