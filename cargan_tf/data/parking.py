"""Arrays from one process to another by way of a file, which the system keeps in memory.

Through a pipe, pictures go in pieces of 64 KB, each copied several times: four times the CPU time
(docs/performance.md).
"""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cargan_tf.data.extraction import Extracted

_ENDING = ".parked"


@dataclass(frozen=True, eq=False)
class Parked:
    """An ``Extracted`` whose arrays lie in a file.

    Attributes:
        rest: all but the arrays; these are empty.
        file: holds the photos, then the log-mels.
        photos: their shape.
        log_mels: their shape.
    """

    rest: Extracted
    file: str
    photos: tuple[int, ...]
    log_mels: tuple[int, ...]


def park(extracted: Extracted, folder: str, name: str) -> Parked:
    """Put the arrays into a file of ``folder`` whose name begins with ``name``."""
    handle, file = tempfile.mkstemp(dir=folder, prefix=name, suffix=_ENDING)
    try:
        with os.fdopen(handle, "wb") as stream:
            for array in (extracted.photos, extracted.log_mels):
                np.ascontiguousarray(array).tofile(stream)
    except BaseException:
        os.unlink(file)
        raise
    rest = replace(
        extracted,
        photos=extracted.photos[:0].copy(),  # a view would take the whole array along
        log_mels=extracted.log_mels[:0].copy(),
    )
    return Parked(rest, file, extracted.photos.shape, extracted.log_mels.shape)


def fetch(parked: Parked) -> Extracted:
    """Take the arrays out again; the file is gone then."""
    rest = parked.rest
    with open(parked.file, "rb") as stream:
        photos = np.fromfile(stream, rest.photos.dtype, math.prod(parked.photos))
        log_mels = np.fromfile(stream, rest.log_mels.dtype, math.prod(parked.log_mels))
    os.unlink(parked.file)
    return replace(
        rest, photos=photos.reshape(parked.photos), log_mels=log_mels.reshape(parked.log_mels)
    )


def remove_parked(folder: str, name: str) -> None:
    """Remove what nobody has fetched."""
    for left in Path(folder).glob(f"{name}*{_ENDING}"):
        left.unlink(missing_ok=True)
