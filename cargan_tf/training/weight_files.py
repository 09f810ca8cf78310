"""A network's weights as one .npz file, for networks that are trained once and then only used."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import keras
import numpy as np

from cargan_tf.errors import UserError
from cargan_tf.files import write_atomically
from cargan_tf.remote import openable


def save_weights(network: keras.Model, file: Path) -> None:
    """All variables in the order in which they were made."""
    content = io.BytesIO()
    np.savez(content, *(variable.numpy() for variable in network.variables))
    write_atomically(file, content.getvalue())


def load_weights(network: keras.Model, file: Path, remedy: str) -> None:
    """The inverse, for a network with its variables made; all of them or none.

    Raises:
        UserError: the file is missing, damaged or of another network; ends in ``remedy``.
        ValueError: the network was never called.
    """
    if not network.variables:
        raise ValueError(f"{network.name} has no variables yet: call it once before")
    try:
        with np.load(openable(file), allow_pickle=False) as arrays:
            values = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
        pairs = list(zip(network.variables, values, strict=True))
        for variable, value in pairs:
            if value.shape != tuple(variable.shape):
                raise ValueError(f"{variable.path} of shape {value.shape}")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{file} is damaged; {remedy}.") from error
    for variable, value in pairs:
        variable.assign(value)
