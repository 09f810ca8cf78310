"""Writing a state dict as a file that ``torch.load(weights_only=True)`` reads, without PyTorch.

The layout is that of PyTorch since 1.6: an uncompressed zip archive with a pickle of protocol 2
that describes the tensors, and one entry with the numbers of each. The pickle is put together by
its opcodes, as the names in it belong to a package that is not here.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cargan_tf.interop.pytorch_reading import DTYPES
from cargan_tf.utils.files import write_atomically

#: Written by PyTorch 1.6 and later; older readers of the layout are refused by it.
FILE_VERSION = b"3\n"
#: Folder of the archive; any name will do.
ROOT = "weights"

_STORAGES = {np.dtype(code): name for name, code in DTYPES.items()}


def write_state_dict(path: Path, state: Mapping[str, NDArray[Any]]) -> None:
    """Write tensors by name, atomically.

    Raises:
        ValueError: an array of a type that is not known here.
    """
    arrays = {name: np.asarray(values) for name, values in state.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{ROOT}/data.pkl", _pickled(arrays))
        archive.writestr(f"{ROOT}/byteorder", b"little")
        for key, values in enumerate(arrays.values()):
            little = values.astype(values.dtype.newbyteorder("<"), copy=False)
            archive.writestr(f"{ROOT}/data/{key}", little.tobytes())
        archive.writestr(f"{ROOT}/version", FILE_VERSION)
    write_atomically(path, content.getvalue())


def _pickled(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An ``OrderedDict`` of name and tensor, storage k for the k-th."""
    parts = [pickle.PROTO, b"\x02", _EMPTY_ORDERED, pickle.MARK]
    for key, (name, values) in enumerate(arrays.items()):
        parts += [_text(name), _tensor(key, values)]
    return b"".join([*parts, pickle.SETITEMS, pickle.STOP])


def _tensor(key: int, values: NDArray[Any]) -> bytes:
    """``_rebuild_tensor_v2(storage, 0, shape, strides, requires_grad=False, OrderedDict())``."""
    dtype = values.dtype.newbyteorder("=")
    if dtype not in _STORAGES:
        raise ValueError(f"PyTorch's layout has no storage for {values.dtype}")
    strides = [int(np.prod(values.shape[axis + 1 :])) for axis in range(values.ndim)]
    storage = [
        pickle.MARK,
        _text("storage"),
        _global("torch", _STORAGES[dtype]),
        _text(str(key)),
        _text("cpu"),
        _whole(values.size),
        pickle.TUPLE,
        pickle.BINPERSID,
    ]
    return b"".join(
        [
            _global("torch._utils", "_rebuild_tensor_v2"),
            pickle.MARK,
            *storage,
            _whole(0),
            _wholes(values.shape),
            _wholes(strides),
            pickle.NEWFALSE,
            _EMPTY_ORDERED,
            pickle.TUPLE,
            pickle.REDUCE,
        ]
    )


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _text(text: str) -> bytes:
    encoded = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def _whole(number: int) -> bytes:
    return pickle.BININT + struct.pack("<i", number)


def _wholes(numbers: tuple[int, ...] | list[int]) -> bytes:
    return b"".join([pickle.MARK, *map(_whole, numbers), pickle.TUPLE])


_EMPTY_ORDERED = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
