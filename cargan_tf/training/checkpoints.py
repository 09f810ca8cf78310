"""Saving and restoring the training state: networks, optimizers and the step.

The step is also the data position and the random state: record order and dropout are functions of
the seed and the step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError, first_line
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training import checkpoint_files
from cargan_tf.training.checkpoint_files import (
    NAME,
    finished_checkpoints,
    newest_checkpoint,
    step_of,
    sweep_list,
)
from cargan_tf.training.ema import EMA, ema_variables
from cargan_tf.training.steps.train_step import TrainStep
from cargan_tf.utils.files import is_disk_full

#: The part of a checkpoint that holds the EMA weights.
EMA_PART = "average"


class Checkpoints:
    """The newest few checkpoints of a run."""

    def __init__(
        self,
        directory: Path,
        training_step: TrainStep,
        keep: int,
        ema: EMA | None = None,
    ) -> None:
        averaged = {} if ema is None else {EMA_PART: ema.variables}
        self._checkpoint = tf.train.Checkpoint(
            step=training_step.step,
            **{
                name: _weights(part) if isinstance(part, keras.Model) else part
                for name, part in training_step.parts().items()
            },
            **averaged,
        )
        parts = training_step.parts().values()
        self._variables = [(v.path, v.value) for part in parts for v in part.variables]
        self._variables += [(EMA_PART, v) for v in averaged.get(EMA_PART, [])]
        self._directory = directory
        self._step = training_step.step
        self._saved: int | None = None  # the step on disk
        self._found: list[Path] = []  # the checkpoints at the time of ``restore``
        self._manager = _manager(self._checkpoint, directory, keep)

    def save(self, write: bool = True) -> None:
        """Save the current step, unless it is saved already.

        Args:
            write: ``False`` if another worker writes; the weights, equal at all workers, are still
                checked, so that all stop at the same step.

        Raises:
            UserError: the disk is full, or a weight is not finite; older checkpoints stay.
        """
        number = int(self._step.numpy())
        if number == self._saved:
            return
        self._check_finite(number)
        if not write:
            return
        try:
            _write(self._manager, number)
        except (tf.errors.OpError, OSError) as error:
            if not (is_disk_full(error) or isinstance(error, tf.errors.ResourceExhaustedError)):
                raise
            raise UserError(
                f"the disk is full: the checkpoint of step {number} could not be written. Free some"
                " space and continue with --resume; older checkpoints are intact."
            ) from error
        self._saved = number
        self._sweep(number)

    def restore(self) -> int:
        """Restore the newest intact checkpoint, if there is any, and return its step.

        Raises:
            UserError: all are damaged, or it does not match these networks.
        """
        self._found = finished_checkpoints(self._directory)
        if not self._found:
            return 0
        newest = newest_checkpoint(self._directory)
        try:
            self._checkpoint.restore(str(newest)).assert_consumed()
        except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise UserError(
                f"checkpoint {newest} does not match this run: {first_line(error)}"
            ) from error
        self._saved = int(self._step.numpy())
        return self._saved

    def changed(self) -> bool:
        """Whether another process saved here since ``restore``; compares names only."""
        return finished_checkpoints(self._directory) != self._found

    def _check_finite(self, number: int) -> None:
        """Check the weights themselves: the loss shows their damage one step later."""
        for name, variable in self._variables:
            if variable.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(variable))):
                raise UserError(
                    f"step {number}: the weights are not finite ({name}), so they are not saved."
                    " Resume from the last checkpoint with a lower learning rate: --resume --set"
                    " training.learning_rate=…"
                )

    def _sweep(self, number: int) -> None:
        """Remove leftovers of deleted checkpoints, and checkpoints of discarded later steps."""
        kept = {Path(checkpoint).name for checkpoint in self._manager.checkpoints}
        for file in self._directory.iterdir():
            step = step_of(file)
            if step is not None and (step > number or f"{NAME}-{step}" not in kept):
                file.unlink(missing_ok=True)


def restore_network(directory: Path, network: ImageGenerator) -> int:
    """Load the image generator from a run's newest checkpoint, with the EMA weights if there are
    any.

    Returns:
        The checkpoint's step.

    Raises:
        UserError: there is no intact checkpoint, or it does not match.
    """
    newest = newest_checkpoint(directory)
    step = tf.Variable(0, dtype=tf.int64)
    _restore_part(newest, **{network.name: _weights(network)}, step=step)
    if _holds(newest, EMA_PART):
        _restore_part(newest, **{EMA_PART: ema_variables(network)})
    return int(step.numpy())


def restore_discriminator(directory: Path, discriminator: PatchGAN) -> None:
    """Load D from a run's newest checkpoint; raises ``UserError`` like ``restore_network``."""
    _restore_part(newest_checkpoint(directory), discriminator=_weights(discriminator))


def holds_discriminator(directory: Path) -> bool:
    """Whether the newest checkpoint has a discriminator; an imported one has none."""
    return _holds(newest_checkpoint(directory), "discriminator")


def save_network(directory: Path, network: ImageGenerator, step: int) -> None:
    """Write a checkpoint of the image generator, as ``restore_network`` reads it."""
    number = tf.Variable(step, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(**{network.name: _weights(network)}, step=number)
    _write(_manager(checkpoint, directory, keep=1), step)


def _manager(
    checkpoint: tf.train.Checkpoint, directory: Path, keep: int
) -> tf.train.CheckpointManager:
    sweep_list(directory)
    return tf.train.CheckpointManager(
        checkpoint, str(directory), max_to_keep=keep, checkpoint_name=NAME
    )


def _write(manager: tf.train.CheckpointManager, number: int) -> None:
    """Write checksums before the manager deletes older checkpoints: one is always intact."""
    callbacks = [lambda path: checkpoint_files.write_checksums(Path(path))]
    options = tf.train.CheckpointOptions(experimental_write_callbacks=callbacks)
    manager.save(checkpoint_number=number, options=options)


def _holds(checkpoint: Path, part: str) -> bool:
    names = tf.train.list_variables(str(checkpoint))
    return any(name.startswith(f"{part}/") for name, _ in names)


def _restore_part(checkpoint: Path, **parts: Any) -> None:
    try:
        status = tf.train.Checkpoint(**parts).restore(str(checkpoint))
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
        raise UserError(
            f"checkpoint {checkpoint} does not match this run: {first_line(error)}"
        ) from error


def _weights(network: keras.Model | ImageGenerator) -> list[tf.Variable]:
    """All variables, with C's and the moving statistics, in the order of their creation.

    A list, as ``tf.train.Checkpoint`` does not track lists of layers inside a Keras model.
    """
    return [variable.value for variable in network.variables]
