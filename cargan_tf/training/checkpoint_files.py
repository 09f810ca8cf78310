"""Checkpoint files: which are complete, their checksums, and which one to read.

A checkpoint is complete once its checksums are written. A damaged one is named in a warning and the
one before it is used.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from pathlib import Path

import tensorflow as tf

from cargan_tf.errors import UserError, first_line
from cargan_tf.utils.files import file_hash, write_atomically

#: Checkpoints are named by their step: ``step-6.index`` and others.
NAME = "step"
_FILE = re.compile(rf"{NAME}-(\d+)\.")

#: TensorFlow's list of the checkpoints in a folder.
_LIST = "checkpoint"

_log = logging.getLogger(__name__)


#: Ending of the file that ``sha256sum --check`` reads.
ENDING = ".sha256"
#: TensorFlow's names of a checkpoint's shards.
_SHARD = re.compile(r".*\.data-\d{5}-of-(\d{5})")


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
    return checkpoint.with_name(f"{checkpoint.name}{ENDING}")
