"""The networks of a run and its training step: built under a distribution strategy, and for
fine-tuning started from the weights of a trained model.

Initial weights are copied where name and shape agree. The first convolutions take labels and
players as channels: those of labels that both know are copied, new ones stay as they were
initialized.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.errors import UserError
from cargan_tf.models.base import ImageGenerator, precision_scope, to_pixels
from cargan_tf.models.cargan import Cascade, new_cascade
from cargan_tf.models.cmcgan import CMCGAN, new_joint_discriminator
from cargan_tf.models.patchgan import PatchGAN, new_discriminator
from cargan_tf.models.registry import new_network
from cargan_tf.models.s2ic import S2IC, new_s2ic_discriminator
from cargan_tf.models.sound_classifier import SoundClassifier
from cargan_tf.training.checkpoints import (
    holds_discriminator,
    newest_checkpoint,
    restore_discriminator,
    restore_network,
)
from cargan_tf.training.classifiers.train_classifier import load_classifier
from cargan_tf.training.classifiers.train_sound_classifier import (
    load_sound_classifier,
    sound_classifier_settings,
)
from cargan_tf.training.distillation import DistillationStep
from cargan_tf.training.ema import EMA
from cargan_tf.training.run import Run
from cargan_tf.training.steps.baseline_steps import CMCGANStep, S2ICStep
from cargan_tf.training.steps.cargan_step import CarganStep
from cargan_tf.training.steps.train_step import TrainStep
from cargan_tf.utils.arrays import AnyArray

#: Layers that are numbered by their level in the U-Net or the PatchGAN; other numbers in a
#: variable's path are Keras' own and differ from network to network.
_LEVEL = re.compile(r"(down|up|block|flow)_\d+")
#: The kernel whose channels depend on labels and players.
_FIRST_KERNEL: Final = "down_0/downsample_conv/kernel"

#: Training photos at most of each label whose median is taken, with ``model.player_photo``.
_PHOTOS_PER_LABEL: Final = 240

#: Settings of the networks that initial weights must share.
_SHAPES: Final = (
    *("generator_width", "refined_generator_width", "max_width_multiplier", "attention"),
    *("spectrogram", "residue", "refine_sees_audio", "player_photo"),
)


def new_step(
    config: Config,
    network: ImageGenerator,
    label_count: int,
    strategy: tf.distribute.Strategy,
    steps_per_epoch: int,
    teacher: Cascade | None = None,
) -> TrainStep:
    """The step that trains ``network``, with a discriminator made for it; on the images of
    ``teacher``, if there is one.

    Call it inside ``strategy.scope()``.
    """
    rest = (strategy, steps_per_epoch)
    if isinstance(network, Cascade):
        discriminator = new_discriminator(config, label_count)
        if teacher is not None:
            return DistillationStep(config, network, discriminator, *rest, teacher)
        return CarganStep(config, network, discriminator, *rest)
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
    config: Config,
    dataset: DatasetInfo,
    strategy: tf.distribute.Strategy,
    classifier: Path,
    teacher: InitialWeights | None = None,
) -> TrainingNetworks:
    """Build networks and training step, initialized by the configured seed.

    Args:
        config: of the run.
        dataset: gives the labels and the length of an epoch.
        strategy: the weights are created on its replicas.
        classifier: folder of C.
        teacher: a model whose images are learned; its C is taken.

    Raises:
        UserError: C is missing or does not fit.
    """
    labels, settings = dataset.labels, config.training
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope(), precision_scope(settings.precision):
        network = new_network(config, len(labels))
        steps_per_epoch = dataset.steps_per_epoch(settings.batch_size)
        shown = None if teacher is None else teacher.replicated()
        step = new_step(config, network, len(labels), strategy, steps_per_epoch, shown)
        ema = None
        if settings.ema_steps:
            ema = EMA(network, settings.ema_steps, strategy)
    accuracy = None
    if teacher is not None:
        assert isinstance(network, Cascade)
        network.classifier.set_weights(teacher.cascade.classifier.get_weights())
    elif network.classifier is not None:
        accuracy = load_classifier(classifier, config, labels, into=network.classifier).accuracy
    return TrainingNetworks(network, step, ema, accuracy)


def player_photos(dataset: DatasetInfo, data: Path, config: Config) -> NDArray[np.uint8]:
    """The median training photo of each label's players, [K * players, H, W, 3], 0 to 255.

    With ``model.warp`` the photo that is nearest to it: what is to be moved must be sharp. Of
    players who are not there, the label's.
    """
    labels, players = len(dataset.labels), config.model.players
    chosen = stratified_sample(dataset, data, "train", _PHOTOS_PER_LABEL * labels, seed=0)
    photos: dict[tuple[int, int], list[NDArray[np.uint8]]] = {}
    for batch in evaluation_batches(dataset, data, config, "train", 64, chosen=chosen):
        pixels = to_pixels(batch["photo"]).numpy()
        classes = np.argmax(batch["label"], axis=1).tolist()
        for position, key in enumerate(zip(classes, batch["player_index"].numpy(), strict=True)):
            photos.setdefault(key, []).append(pixels[position])
    typical = nearest_to_median if config.model.warp else median_photo
    chosen_photos = []
    for label in range(labels):
        everyone = [photo for key, some in photos.items() if key[0] == label for photo in some]
        for player in range(players):
            chosen_photos.append(typical(np.stack(photos.get((label, player)) or everyone)))
    return np.stack(chosen_photos)


def median_photo(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The median of each pixel of ``photos``, [N, H, W, 3]."""
    return np.asarray(np.rint(np.median(photos, axis=0)), np.uint8)


def nearest_to_median(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The one of ``photos``, [N, H, W, 3], with the least L1 distance from their median."""
    differences = np.abs(photos - np.median(photos, axis=0))
    return photos[np.argmin(differences.mean(axis=(1, 2, 3)))]


@dataclass(frozen=True)
class InitialWeights:
    """A trained model to start from.

    Attributes:
        path: where it was read from.
        config: its configuration.
        labels: its labels.
        statistics: mean and std of each mel band that its spectrograms are standardized with.
        cascade: G1 and G2, by averaged weights where it has those.
        discriminator: D; ``None`` if it is an exported model, which has none.
        players: names of its players by label; empty if it has no player input.
        sound_classifier: ``None`` if it has none.
    """

    path: Path
    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    cascade: Cascade
    discriminator: PatchGAN | None
    players: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sound_classifier: SoundClassifier | None = None

    def sound_classifier_for(self, config: Config, labels: Sequence[str]) -> SoundClassifier | None:
        """The model's own, if one of ``config`` and ``labels`` would hear the same."""
        same = (tuple(labels), sound_classifier_settings(config))
        own = (self.labels, sound_classifier_settings(self.config))
        return self.sound_classifier if same == own else None

    def replicated(self) -> Cascade:
        """A copy of the cascade; call it inside ``strategy.scope()``."""
        cascade = new_cascade(self.config, len(self.labels))
        cascade.set_weights(self.cascade.get_weights())
        return cascade

    def copy_to(
        self, cascade: Cascade, discriminator: PatchGAN, labels: Sequence[str]
    ) -> list[str]:
        """Copy what fits into networks of other labels, players or image size.

        Args:
            cascade: of the new run; its C is not touched.
            discriminator: likewise.
            labels: the new run's labels.

        Returns:
            Names of the variables that kept their initial values.
        """
        left: list[str] = []
        for source, target in zip(self.cascade.generators, cascade.generators, strict=False):
            left += _copy(source, target)
            # Without the residue label G2 has no label channels.
            labeled = source is self.cascade.coarse_generator or self.config.model.residue
            kernel = target.down[0].convolution.kernel
            kernel.assign(
                self._first_kernel(
                    source.down[0].convolution.kernel.numpy(),
                    kernel.numpy(),
                    self.labels if labeled else (),
                    tuple(labels) if labeled else (),
                    same_players=tuple(labels) == self.labels,
                )
            )
        for target in cascade.generators[len(self.cascade.generators) :]:  # G2, after one stage
            left += [_name(variable) for variable in target.variables]
        if self.discriminator is not None:
            left += _copy(self.discriminator, discriminator)
        return [name for name in left if not name.endswith(_FIRST_KERNEL)]

    def _first_kernel(
        self,
        source: AnyArray,
        target: AnyArray,
        old: tuple[str, ...],
        new: tuple[str, ...],
        same_players: bool,
    ) -> AnyArray:
        """``target`` [4, 4, C, F] with the channels that both have.

        The channels are those of sound or image, then labels, then players.
        """
        players = self.config.model.players
        image = source.shape[2] - len(old) - players
        kernel = target.copy()
        kernel[:, :, :image] = source[:, :, :image]
        for index, label in enumerate(new):
            if label in old:
                kernel[:, :, image + index] = source[:, :, image + old.index(label)]
        if same_players:
            ours, theirs = image + len(new), image + len(old)
            same = min(players, kernel.shape[2] - ours)
            kernel[:, :, ours : ours + same] = source[:, :, theirs : theirs + same]
        return kernel


def read_run_weights(run: Run) -> InitialWeights:
    """The newest checkpoint of a run, with D if it holds one.

    Raises:
        UserError: no run, a damaged checkpoint, or a baseline's.
    """
    info = run.read_info()
    check_cascade(run.path, info.config)
    cascade = new_cascade(info.config, len(info.labels))
    checkpoint = newest_checkpoint(run.checkpoints)
    restore_network(checkpoint, cascade)
    discriminator = None
    if holds_discriminator(checkpoint):
        discriminator = new_discriminator(info.config, len(info.labels))
        restore_discriminator(checkpoint, discriminator)
    found = load_sound_classifier(run.sound_classifier, info.config, info.labels)
    return InitialWeights(
        run.path,
        info.config,
        info.labels,
        info.statistics,
        cascade,
        discriminator,
        info.players,
        sound_classifier=None if found is None else found[0],
    )


def check_cascade(path: Path, config: Config) -> None:
    """Raise ``UserError`` unless ``config``, of the model in ``path``, is CAR-GAN's."""
    if config.model.kind != "cargan":
        raise UserError(
            f"{path} is a {config.model.kind} model; only CAR-GAN models can initialize a run."
        )


def check_startable(initial: InitialWeights, config: Config) -> None:
    """Check that a run of ``config`` can start from ``initial``.

    Raises:
        UserError: the networks differ in kind or inputs.
    """
    path, source = initial.path, initial.config
    if config.model.kind != "cargan":
        raise UserError(
            f"the configuration says model.kind: {config.model.kind}; only a CAR-GAN can start from"
            f" {path}."
        )
    wanted, found = config.model.model_dump(), source.model.model_dump()
    differing = [name for name in _SHAPES if wanted[name] != found[name]]
    if differing:
        has = ", ".join(f"model.{name}={json.dumps(found[name])}" for name in differing)
        says = ", ".join(json.dumps(wanted[name]) for name in differing)
        raise UserError(f"{path} has {has}, the configuration says {says}; use the same.")


def _copy(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy what agrees in name and shape; the names of the rest."""
    found = {_name(variable): variable for variable in source.variables}
    left = []
    for variable in target.variables:
        other = found.get(_name(variable))
        if other is None or other.shape != variable.shape:
            left.append(_name(variable))
        else:
            variable.assign(cast(tf.Tensor, other.value))
    return left


def _name(variable: keras.Variable) -> str:
    """The path of a variable without the numbers that Keras gives to layers of one class."""
    parts = variable.path.split("/")
    return "/".join(
        part if _LEVEL.fullmatch(part) else re.sub(r"_\d+$", "", part) for part in parts
    )


def describe_copied(initial: InitialWeights, left: Sequence[str], labels: Sequence[str]) -> str:
    """What a run starts from, in one line."""
    new = [label for label in labels if label not in initial.labels]
    text = f"starting from {initial.path}"
    if new:
        text += f"; new labels: {', '.join(new)}"
    if initial.discriminator is None:
        text += "; D is randomly initialized"
    if left:
        text += f"; {len(left)} variables without a counterpart are randomly initialized"
    return text
