"""Reads and writes PyTorch state dicts without PyTorch, and without running code from the file.

Sizes in the file are checked against the file's own size before memory is allocated. ``torch.save``
has two layouts: since 1.6 a zip archive with one entry per storage, before that five pickles and
the storages one after the other. Both are read, their pickles by ``pytorch_pickle``; the newer one
is written.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError, full_message
from cargan_tf.interop.pytorch_pickle import (
    DAMAGE,
    MAX_BYTES,
    PickledTensor,
    Refused,
    StateUnpickler,
    key_of,
    pickled,
)
from cargan_tf.utils.files import write_atomically

#: First pickle of the older layout (torch/serialization.py, MAGIC_NUMBER), and its version.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
#: First bytes of a zip archive, and of any pickle since protocol 2.
ZIP_START, PICKLE_START = b"PK", b"\x80"

#: Of a zip archive's list of entries, each of which becomes an object as well.
MAX_DIRECTORY_BYTES = 2**22
#: Tensors may share their numbers: together they have at most so many times the file's bytes.
_SHARING = 4

#: What a damaged file is met with, besides ``Refused``.
_DAMAGE = (*DAMAGE, zipfile.BadZipFile, struct.error)

#: Written by PyTorch 1.6 and later; older readers of the layout are refused by it.
FILE_VERSION = b"3\n"
#: Folder of the archive; any name will do.
ROOT = "weights"


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state dict saved by ``torch.save``, by name.

    Args:
        path: a file of either layout.

    Raises:
        UserError: it cannot be read, is damaged, cut short or no state dict, or it names a class
            or function that no state dict needs.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise Refused("it is a pipe or a device")  # opening it could wait forever
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_BYTES:
                raise Refused(f"it is larger than {MAX_BYTES >> 20} MB")
            start = stream.read(2)
            stream.seek(0)
            if start == ZIP_START:
                content = _read_zip(stream, size)
            elif start[:1] == PICKLE_START:
                content = _read_legacy(stream)
            else:
                raise Refused("it is no file of PyTorch weights")
            return _tensors(content, size)
    except Refused as error:
        raise UserError(f"{path} is refused: {error}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged or cut short: {full_message(error)}.") from error


def _read_zip(stream: IO[bytes], size: int) -> Any:
    # zipfile has no public way to learn how long the list of entries is before it reads all of it.
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end and end[zipfile._ECD_SIZE] > MAX_DIRECTORY_BYTES:  # type: ignore[attr-defined]
        raise Refused("it is a zip archive of too many entries")
    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise Refused("it is a zip archive that holds two entries of one name")
        # PyTorch compresses nothing and no part lies in two entries, so together they are no larger
        # than the file; what is made to be unpacked to gigabytes is neither.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise Refused("it is a zip archive that is compressed, which PyTorch's are not")
        if sum(entry.file_size for entry in archive.infolist()) > size:
            raise Refused("it is a zip archive that claims to hold more than its size")
        found = [name for name in names if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise Refused("it is a zip archive, but not of PyTorch weights")
        root = found[0].removesuffix("data.pkl")
        order = f"{root}byteorder"
        big_endian = order in names and archive.read(order).strip() == b"big"
        with archive.open(found[0]) as entry:
            unpickler = StateUnpickler(entry, big_endian)
            content = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.fill(archive.read(f"{root}data/{key}"))
    return content


def _read_legacy(stream: IO[bytes]) -> Any:
    def load() -> Any:
        return StateUnpickler(stream).load()

    if load() != LEGACY_MAGIC or load() != LEGACY_PROTOCOL:
        raise Refused("it is a pickle, but not of PyTorch weights")
    big_endian = not load().get("little_endian", True)
    unpickler = StateUnpickler(stream, big_endian)
    content = unpickler.load()
    for key in map(key_of, load()):
        storage = unpickler.storages[key]
        (count,) = struct.unpack(">q" if big_endian else "<q", stream.read(8))
        if count != storage.count:
            raise ValueError(f"storage {key[:60]} has {count} numbers, expected {storage.count}")
        storage.fill(stream.read(storage.count * storage.dtype.itemsize))
    return content


def _tensors(content: Any, size: int) -> dict[str, NDArray[Any]]:
    if not isinstance(content, dict):
        raise Refused("it holds no state dict")
    # dict's own items: the file may have given its dictionary attributes of any name.
    pairs = list(dict.items(content))
    foreign = [name for name, value in pairs if not isinstance(value, PickledTensor)]
    if foreign or not pairs:
        named = f": {foreign[0]!r:.100} is no tensor" if foreign else ""
        raise Refused(f"it holds no state dict{named}")
    for _, value in pairs:
        value.check()
    total = sum(math.prod(value.shape) * value.storage.dtype.itemsize for _, value in pairs)
    if total > _SHARING * size:
        raise Refused(f"its tensors claim {total:,} bytes, the file holds {size:,}")
    return {str(name): value.numbers() for name, value in pairs}


def write_state_dict(path: Path, state: Mapping[str, NDArray[Any]]) -> None:
    """Write tensors by name, atomically.

    Raises:
        ValueError: an array of a type that is not known here.
    """
    arrays = {name: np.asarray(values) for name, values in state.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{ROOT}/data.pkl", pickled(arrays))
        archive.writestr(f"{ROOT}/byteorder", b"little")
        for key, values in enumerate(arrays.values()):
            little = values.astype(values.dtype.newbyteorder("<"), copy=False)
            archive.writestr(f"{ROOT}/data/{key}", little.tobytes())
        archive.writestr(f"{ROOT}/version", FILE_VERSION)
    write_atomically(path, content.getvalue())
