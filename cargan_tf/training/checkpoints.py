"""Saving and restoring a training step: networks, optimisers and the step's number.

The step's number is the data position and the random state too: the order of the records and the
dropout of every step are functions of the seed and that number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.models.drawing import DrawingNetwork
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.averaging import AveragedWeights, averaged_variables
from cargan_tf.training.replicas import CompiledStep

#: The part of a checkpoint that holds the averaged weights.
AVERAGE = "average"


class Checkpoints:
    """The newest few checkpoints of a run."""

    def __init__(
        self,
        directory: Path,
        training_step: CompiledStep,
        keep: int,
        average: AveragedWeights | None = None,
    ) -> None:
        averaged = {} if average is None else {AVERAGE: average.variables}
        self._checkpoint = tf.train.Checkpoint(
            step=training_step.step,
            **{
                name: _weights(part) if isinstance(part, keras.Model) else part
                for name, part in training_step.parts().items()
            },
            **averaged,
        )
        self._step = training_step.step
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(directory), max_to_keep=keep, checkpoint_name="step"
        )

    def save(self) -> None:
        """Write the state after the current step; a full disk is a ``UserError``."""
        try:
            self._manager.save(checkpoint_number=int(self._step.numpy()))
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"the disk is full: the checkpoint of step {int(self._step.numpy())} could not be"
                " written. Free some space and go on with --resume; older checkpoints are whole."
            ) from error

    def restore(self) -> int:
        """Go back to the newest checkpoint, if there is one, and return the step to go on from.

        Raises:
            UserError: it does not fit these networks.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return 0
        try:
            self._checkpoint.restore(newest).assert_consumed()
        except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise UserError(
                f"checkpoint {newest} does not fit this run: {_first_line(error)}"
            ) from error
        return int(self._step.numpy())


def restore_network(directory: Path, network: DrawingNetwork) -> int:
    """Load the network that draws from a run's newest checkpoint; returns its step.

    Where the run kept an average of the weights, that is what draws.

    Raises:
        UserError: there is no checkpoint, or it does not fit.
    """
    newest = _newest(directory)
    step = tf.Variable(0, dtype=tf.int64)
    _restore_part(newest, **{network.name: _weights(network)}, step=step)
    if _holds(newest, AVERAGE):
        _restore_part(newest, **{AVERAGE: averaged_variables(network)})
    return int(step.numpy())


def restore_discriminator(directory: Path, discriminator: PatchGAN) -> None:
    """Load D from a run's newest checkpoint; raises ``UserError`` like above."""
    _restore_part(_newest(directory), discriminator=_weights(discriminator))


def holds_discriminator(directory: Path) -> bool:
    """Whether the newest checkpoint was written in training; an imported one only draws."""
    return _holds(_newest(directory), "discriminator")


def save_network(directory: Path, network: DrawingNetwork, step: int) -> None:
    """Write a checkpoint of the network that draws, as ``restore_network`` reads it."""
    number = tf.Variable(step, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(**{network.name: _weights(network)}, step=number)
    manager = tf.train.CheckpointManager(
        checkpoint, str(directory), max_to_keep=1, checkpoint_name="step"
    )
    manager.save(checkpoint_number=step)


def newest_checkpoint(directory: Path) -> Path:
    """The newest checkpoint of a run: its files have this path and endings.

    Raises:
        UserError: there is none.
    """
    return Path(_newest(directory))


def _newest(directory: Path) -> str:
    newest = tf.train.latest_checkpoint(str(directory))
    if newest is None:
        raise UserError(f"{directory} holds no checkpoint yet: train first.")
    return newest


def _holds(checkpoint: str, part: str) -> bool:
    return any(name.startswith(f"{part}/") for name, _ in tf.train.list_variables(checkpoint))


def _restore_part(checkpoint: str, **parts: Any) -> None:
    try:
        status = tf.train.Checkpoint(**parts).restore(checkpoint)
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
        raise UserError(
            f"checkpoint {checkpoint} does not fit this run: {_first_line(error)}"
        ) from error


def _weights(network: keras.Model | DrawingNetwork) -> list[tf.Variable]:
    """All variables, C's and the moving statistics too, in the order in which they were made.

    Listed, as ``tf.train.Checkpoint`` does not follow a Keras model into lists of its layers.
    """
    return [variable.value for variable in network.variables]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200]
