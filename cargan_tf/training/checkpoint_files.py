"""The checkpoints in a run's folder: which were finished, and which of them is to be read.

A checkpoint counts once its checksums are written. One whose files do not match them is named and
passed over for the one before it.
"""
# MERGED Checksums of a checkpoint's files: written with it, compared before it is read.

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from pathlib import Path

import tensorflow as tf

from cargan_tf.errors import UserError, first_line
from cargan_tf.utils.files import file_hash, write_atomically

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
        fault = find_damage(checkpoint)
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
    return [path for path in found if path.name in listed or has_checksums(path)]


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


#: Ending of the file that ``sha256sum --check`` reads.
ENDING = ".sha256"

#: How TensorFlow ends the names of a checkpoint's shards, each with their number.
_SHARD = re.compile(r".*\.data-\d{5}-of-(\d{5})")


def files_of(checkpoint: Path) -> list[Path]:
    """The files that TensorFlow writes for a checkpoint, as far as they are there."""
    shards = sorted(checkpoint.parent.glob(f"{checkpoint.name}.data-?????-of-?????"))
    return [file for file in (_index(checkpoint), *shards) if file.is_file()]


def write_checksums(checkpoint: Path) -> None:
    """Bring the files to the disk, then write their SHA-256 beside them."""
    lines = []
    for file in files_of(checkpoint):
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
        lines.append(f"{file_hash(file)}  {file.name}\n")
    write_atomically(_sums(checkpoint), "".join(lines).encode())


def has_checksums(checkpoint: Path) -> bool:
    """Whether its checksums were written: that is the last thing written of a checkpoint."""
    return _sums(checkpoint).is_file()


def find_damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint's files, or ``None`` if they are whole.

    One without checksums, of an older version, is read through instead: TensorFlow keeps a CRC of
    each tensor.
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
            return f"{file.name} is not what was written (SHA-256)"
    return None


def _names_all(checkpoint: Path, names: Collection[str]) -> bool:
    """Whether the index and every shard are among ``names``: a list may have been cut short."""
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
