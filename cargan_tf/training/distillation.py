"""Distillation: a narrow network with one stage learns the images of a trained model, the teacher.

Hinton et al. 2015 (arXiv:1503.02531), for images: in each pair the teacher's refined image stands
in place of the photo. The rest is CAR-GAN's training with ``configs/student.yaml``, which has no
discriminator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf

from cargan_tf.config import Config, overlay
from cargan_tf.data.dataset import DatasetInfo, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.errors import UserError
from cargan_tf.models.base import ImageGenerator, to_pixels
from cargan_tf.models.cargan import Cascade
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.steps.cargan_step import CarganStep, pose_of
from cargan_tf.training.steps.train_step import Batch, Losses
from cargan_tf.utils.files import write_json

#: The configuration that is laid over the teacher's.
CONFIG: Final = "student"
#: Where a run keeps how far its images are from the teacher's.
REPORT_FILE: Final = "distillation.json"
_BATCH: Final = 32


def student_config(teacher: Config) -> Config:
    """The settings of a student: the teacher's audio, images and C, and one narrow stage."""
    return overlay(teacher, CONFIG)


class DistillationStep(CarganStep):
    """CAR-GAN's step on the teacher's images in place of the photos.

    The teacher is not part of the checkpoint.
    """

    def __init__(
        self,
        config: Config,
        student: Cascade,
        discriminator: PatchGAN,
        strategy: tf.distribute.Strategy,
        steps_per_epoch: int,
        teacher: Cascade,
    ) -> None:
        self._teacher = teacher
        super().__init__(config, student, discriminator, strategy, steps_per_epoch)

    def _replica_step(self, batch: Batch, penalize: bool = False) -> Losses:
        images = self._teacher(
            batch["spectrogram"], batch["label"], batch["player_index"], pose=pose_of(batch)
        )
        return super()._replica_step(batch | {"photo": images.refined}, penalize)


def check_teachable(
    teacher: Path,
    labels: tuple[str, ...],
    players: Mapping[str, tuple[str, ...]],
    data: DatasetInfo,
) -> None:
    """Check that the teacher in ``teacher`` can show what the data set names.

    Args:
        teacher: where it was read from, for messages.
        labels: the teacher's.
        players: the teacher's by label; empty if it has no player input.
        data: of the student.

    Raises:
        UserError: other labels, or other players.
    """
    if labels != data.labels:
        raise UserError(
            f"{teacher} knows {', '.join(labels)}; the data set has {', '.join(data.labels)}: a"
            " student needs sounds of the same labels."
        )
    if players and players != data.players:
        raise UserError(
            f"the players of the data set are not those of {teacher}: a student needs sounds of the"
            " same players."
        )


@dataclass(frozen=True)
class TeacherDistance:
    """How far a student's images are from its teacher's, on held-out sounds.

    Attributes:
        levels: mean absolute difference in levels of 255.
        images: how many were compared.
        student_parameters: weights of the student's generator.
        teacher_parameters: of the teacher's generators.
    """

    levels: float
    images: int
    student_parameters: int
    teacher_parameters: int

    def write(self, run: Path) -> None:
        """Keep it in the directory of the run."""
        write_json(run / REPORT_FILE, asdict(self))

    def describe(self) -> str:
        """In one line."""
        return (
            f"{self.levels:.1f} of 255 levels from the teacher's images (mean of {self.images}"
            f" held-out sounds), with {self.student_parameters:,} instead of"
            f" {self.teacher_parameters:,} weights"
        )


def teacher_distance(
    student: ImageGenerator, teacher: Cascade, data: Path, config: Config, dataset: DatasetInfo
) -> TeacherDistance | None:
    """Compare both on held-out sounds; ``None`` where the data has no held-out split.

    Args:
        student: with the weights that generate.
        teacher: likewise.
        data: folder of the data set.
        config: the student's.
        dataset: its description, with the statistics that both networks take.
    """
    split = load_dataset(data).held_out_split
    if split is None:
        return None
    chosen = stratified_sample(dataset, data, split, config.monitor.validation_clips, seed=0)
    differences: list[float] = []
    for batch in evaluation_batches(dataset, data, config, split, _BATCH, chosen=chosen):
        inputs = (batch["spectrogram"], batch["label"], batch["player_index"])
        images, goal = (to_pixels(one(*inputs).refined) for one in (student, teacher))
        levels = tf.abs(tf.cast(images, tf.float32) - tf.cast(goal, tf.float32))
        differences += tf.reduce_mean(levels, axis=[1, 2, 3]).numpy().tolist()
    return TeacherDistance(
        levels=float(np.mean(differences)),
        images=len(differences),
        student_parameters=_parameters(student),
        teacher_parameters=_parameters(teacher),
    )


def _parameters(network: ImageGenerator) -> int:
    """Weights of the generators, without C's."""
    assert isinstance(network, Cascade)
    return sum(int(np.prod(weight.shape)) for weight in network.generator_variables)
