"""Faults of disk, data and run while training, each as one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from cargan_tf.data.dataset import load_dataset
from cargan_tf.errors import UserError, first_line
from cargan_tf.files import is_disk_full
from cargan_tf.training.run import Run

_GO_ON = "What the run wrote is whole: go on with --resume."


@contextmanager
def faults_explained(data: Path) -> Iterator[None]:
    """A full disk, or a data set that is not what it was, is a ``UserError`` within the block.

    Args:
        data: the data set's folder.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if is_disk_full(error):
            raise UserError(
                f"the disk is full: {first_line(error)}. Free some space. {_GO_ON}"
            ) from error
        check_data(data)
        if isinstance(error, tf.errors.DataLossError):
            raise UserError(
                f"the data set {data} is damaged: {first_line(error)}. Copy it again, or run"
                f" `cargan preprocess` again. {_GO_ON}"
            ) from error
        raise


@contextmanager
def removal_explained(run: Run) -> Iterator[None]:
    """A run whose folder went away within the block is a ``UserError``."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if run.exists():
            raise
        raise UserError(
            f"the run {run.path} was removed or its disk went away while it was training. Bring the"
            " folder back and go on with --resume, or train again."
        ) from error


def check_data(data: Path) -> None:
    """That the data set still has all its shards in their length.

    A shard cut short between two records reads as a shorter one: nothing else tells.

    Raises:
        UserError: it has not.
    """
    try:
        load_dataset(data)
    except UserError as error:
        raise UserError(f"the data set changed while training: {error} {_GO_ON}") from error
