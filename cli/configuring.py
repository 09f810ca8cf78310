"""Which configuration a command means when none is named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cargan_cli.tensorflow_import import import_for

from cargan_tf.config import Config, load_config, override
from cargan_tf.data.dataset import load_dataset


def config_for_data(data: Path, name: str | None, overrides: Iterable[str]) -> Config:
    """The named configuration, else the one that the data set was made with."""
    if name is not None:
        return load_config(name, overrides)
    import_for(data)
    return override(load_dataset(data).config, overrides)
