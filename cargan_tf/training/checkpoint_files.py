"""The checkpoints in a run's folder: which were finished, and which of them is to be read.

A checkpoint counts once its checksums are written. One whose files do not match them is named and
passed over for the one before it.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training import checksums

#: Checkpoints are named by their step: ``step-6.index`` and further endings.
NAME = "step"
_FILE = re.compile(rf"{NAME}-(\d+)\.")

#: TensorFlow's list of the checkpoints in a folder.
_LIST = "checkpoint"

_log = logging.getLogger(__name__)


def newest_checkpoint(directory: Path) -> Path:
    """The newest whole checkpoint of a run: its files have this path and endings.

    Raises:
        UserError: there is none.
    """
    faults: list[str] = []
    for checkpoint in finished_checkpoints(directory):
        fault = checksums.fault_of(checkpoint)
        if fault is None:
            if faults:
                _log.warning("%s; going on from %s", "; ".join(faults), checkpoint.name)
            return checkpoint
        faults.append(f"checkpoint {checkpoint} is damaged: {fault}")
    if faults:
        raise UserError(
            f"no checkpoint is whole. {'; '.join(faults)}. Bring back a whole copy of"
            f" {directory}, or train again in another directory."
        )
    raise UserError(f"{directory} holds no checkpoint yet: train first.")


def finished_checkpoints(directory: Path) -> list[Path]:
    """The checkpoints that were finished, the newest first, whatever became of them since.

    One without checksums was finished, by an older version, if TensorFlow's list has it.
    """
    listed = _listed(directory) or set()
    steps = {step for file in directory.glob("*") if (step := step_of(file)) is not None}
    found = [directory / f"{NAME}-{step}" for step in sorted(steps, reverse=True)]
    return [path for path in found if path.name in listed or checksums.is_sealed(path)]


def step_of(file: Path) -> int | None:
    """The step whose checkpoint ``file`` is a part of; ``None`` where it is of none."""
    match = _FILE.match(file.name)
    return int(match[1]) if match else None


def sweep_list(directory: Path) -> None:
    """Remove TensorFlow's list where it cannot be read: TensorFlow would end in a traceback, and
    all that counts is the files."""
    if _listed(directory) is None:
        (directory / _LIST).unlink()


def _listed(directory: Path) -> set[str] | None:
    """Names in TensorFlow's list, or ``None`` where it cannot be read."""
    try:
        state = tf.train.get_checkpoint_state(str(directory))
    except (ValueError, tf.errors.OpError):  # UnicodeDecodeError is one of the former
        return None
    return {Path(path).name for path in state.all_model_checkpoint_paths} if state else set()
