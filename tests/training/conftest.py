"""The networks of the tiny run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo, load_dataset
from cargan_tf.models.cascade import Cascade
from cargan_tf.training.checkpoints import restore_cascade
from cargan_tf.training.run import Run


@dataclass(frozen=True)
class Trained:
    """A trained cascade, and what it was trained on."""

    cascade: Cascade
    dataset: DatasetInfo
    data: Path
    config: Config


@pytest.fixture(scope="session")
def trained(tiny_run, tiny_data, tiny_config) -> Trained:
    cascade = Cascade(tiny_config, 3, name="cascade")
    cascade(tf.zeros([1, 64, 64, 1]), tf.zeros([1, 3]))
    restore_cascade(Run(tiny_run).checkpoints, cascade)
    return Trained(cascade, load_dataset(tiny_data), tiny_data, tiny_config)
