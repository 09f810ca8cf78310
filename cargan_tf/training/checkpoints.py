"""Saving and restoring the training state: networks, optimizers, the step; the files' checksums.

The step is also the data position and the random state: record order and dropout are functions of
the seed and the step.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError, first_line
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.ema import EMA, ema_variables
from cargan_tf.training.steps.train_step import TrainStep
from cargan_tf.utils.files import file_hash, is_disk_full, write_atomically

#: Checkpoints are named by their step: ``step-6.index`` and others.
NAME = "step"
_FILE = re.compile(rf"{NAME}-(\d+)\.")

#: TensorFlow's list of the checkpoints in a folder.
_LIST = "checkpoint"

_log = logging.getLogger(__name__)


#: Ending of the file that ``sha256sum --check`` reads.
CHECKSUMS_SUFFIX = ".sha256"
#: TensorFlow's names of a checkpoint's shards.
_SHARD = re.compile(r".*\.data-\d{5}-of-(\d{5})")


#: The part of a checkpoint that holds the EMA weights.
EMA_PART = "average"


def newest_checkpoint(directory: Path) -> Path:
    """The newest intact checkpoint of a run, as TensorFlow's path prefix.

    Raises:
        UserError: there is none.
    """
    faults: list[str] = []
    for checkpoint in finished_checkpoints(directory):
        fault = find_damage(checkpoint)
        if fault is None:
            if faults:
                _log.warning("%s; using %s instead", "; ".join(faults), checkpoint.name)
            return checkpoint
        faults.append(f"checkpoint {checkpoint} is damaged: {fault}")
    if faults:
        raise UserError(
            f"all checkpoints are damaged. {'; '.join(faults)}. Restore an intact copy of"
            f" {directory}, or train again in another directory."
        )
    raise UserError(f"{directory} holds no checkpoint yet: train first.")


def finished_checkpoints(directory: Path) -> list[Path]:
    """The complete checkpoints, newest first, which may have been damaged since.

    One without checksums (of an older version) is complete if TensorFlow's list has it.
    """
    listed = _listed(directory) or set()
    steps = {step for file in directory.glob("*") if (step := step_of(file)) is not None}
    found = [directory / f"{NAME}-{step}" for step in sorted(steps, reverse=True)]
    return [path for path in found if path.name in listed or has_checksums(path)]


def step_of(file: Path) -> int | None:
    """The step of the checkpoint that ``file`` belongs to, if any."""
    match = _FILE.match(file.name)
    return int(match[1]) if match else None


def sweep_list(directory: Path) -> None:
    """Remove TensorFlow's checkpoint list if it is damaged, which would crash TensorFlow."""
    if _listed(directory) is None:
        (directory / _LIST).unlink()


def _listed(directory: Path) -> set[str] | None:
    """Names in TensorFlow's list, or ``None`` if it is damaged."""
    try:
        state = tf.train.get_checkpoint_state(str(directory))
    except (ValueError, tf.errors.OpError):  # UnicodeDecodeError is one of the former
        return None
    return {Path(path).name for path in state.all_model_checkpoint_paths} if state else set()


def files_of(checkpoint: Path) -> list[Path]:
    """The existing files of a checkpoint."""
    shards = sorted(checkpoint.parent.glob(f"{checkpoint.name}.data-?????-of-?????"))
    return [file for file in (_index(checkpoint), *shards) if file.is_file()]


def write_checksums(checkpoint: Path) -> None:
    """Flush the files to disk, then write their SHA-256 beside them."""
    lines = []
    for file in files_of(checkpoint):
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
        lines.append(f"{file_hash(file)}  {file.name}\n")
    write_atomically(_sums(checkpoint), "".join(lines).encode())


def has_checksums(checkpoint: Path) -> bool:
    """Whether its checksums were written, which happens last."""
    return _sums(checkpoint).is_file()


def find_damage(checkpoint: Path) -> str | None:
    """The damage of a checkpoint's files, or ``None`` if they are intact.

    One without checksums (of an older version) is read completely instead: TensorFlow stores a CRC
    per tensor.
    """
    if not _index(checkpoint).is_file():
        return f"{_index(checkpoint).name} is missing"
    if not has_checksums(checkpoint):
        return _fault_in_reading(checkpoint)
    text = _sums(checkpoint).read_text("utf-8", errors="replace")
    expected = {name: digest for digest, _, name in (s.partition("  ") for s in text.splitlines())}
    if not _names_all(checkpoint, expected):
        return f"{_sums(checkpoint).name} is damaged"
    for name, digest in expected.items():
        file = checkpoint.parent / Path(name).name
        if not file.is_file():
            return f"{file.name} is missing"
        if file_hash(file) != digest:
            return f"{file.name} differs from what was written (SHA-256)"
    return None


def _names_all(checkpoint: Path, names: Collection[str]) -> bool:
    """Whether ``names`` has the index and every shard; the list itself may be cut short."""
    counts = {int(match[1]) for name in names if (match := _SHARD.fullmatch(name))}
    if _index(checkpoint).name not in names or len(counts) != 1:
        return False
    (count,) = counts
    shards = (f"{checkpoint.name}.data-{number:05d}-of-{count:05d}" for number in range(count))
    return all(shard in names for shard in shards)


def _fault_in_reading(checkpoint: Path) -> str | None:
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        return first_line(error)
    return None


def _index(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.index")


def _sums(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}{CHECKSUMS_SUFFIX}")


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


def restore_network(checkpoint: Path, network: ImageGenerator) -> int:
    """Load the image generator from a checkpoint, with the EMA weights if there are any.

    Args:
        checkpoint: such as ``newest_checkpoint`` gives.
        network: with built weights.

    Returns:
        The checkpoint's step.

    Raises:
        UserError: it does not match.
    """
    step = tf.Variable(0, dtype=tf.int64)
    _restore_part(checkpoint, **{network.name: _weights(network)}, step=step)
    if _holds(checkpoint, EMA_PART):
        _restore_part(checkpoint, **{EMA_PART: ema_variables(network)})
    return int(step.numpy())


def restore_discriminator(checkpoint: Path, discriminator: PatchGAN) -> None:
    """Load D from a checkpoint; raises ``UserError`` like ``restore_network``."""
    _restore_part(checkpoint, discriminator=_weights(discriminator))


def holds_discriminator(checkpoint: Path) -> bool:
    """Whether a checkpoint has a discriminator; an imported one has none."""
    return _holds(checkpoint, "discriminator")


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
    callbacks = [lambda path: write_checksums(Path(path))]
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
