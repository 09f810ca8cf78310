"""Reads and writes PyTorch state dicts without PyTorch, and without running code from the file.

Such a file is a pickle, which can name any function of any module to be called. Only the names in
``_KNOWN`` are accepted, and they stand for harmless classes of this module; any other is an error.
Sizes in the file are checked against the file's own size before memory is allocated. ``torch.save``
has two layouts: since 1.6 a zip archive with one entry per storage, before that five pickles and
the storages one after the other. Both are read; the newer one is written, its pickle put together
from opcodes, since the names in it belong to a package that is not installed here.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError, full_message
from cargan_tf.utils.files import write_atomically

#: First pickle of the older layout (torch/serialization.py, MAGIC_NUMBER), and its version.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
#: First bytes of a zip archive, and of any pickle since protocol 2.
ZIP_START, PICKLE_START = b"PK", b"\x80"

DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}

#: The authors' largest file, G2 with ngf 64, has 218 MB; torchvision's ResNet-152 has 230 MB.
MAX_BYTES = 2**30
#: Of a pickle: a byte can become an object of 64, in a microsecond. ResNet-152's has 0.1 MB.
MAX_PICKLE_BYTES = 2**20
#: Of a zip archive's list of entries, each of which becomes an object as well.
MAX_DIRECTORY_BYTES = 2**22
#: Entries of dictionaries that Python 2 pickled.
_MAX_PAIRS = 2**16
#: PyTorch's own limit is 64; sizes of more dimensions take long to multiply.
MAX_DIMENSIONS = 64
#: Tensors may share their numbers: together they have at most so many times the file's bytes.
_SHARING = 4

#: What a damaged pickle or archive is met with, besides ``_Refused``.
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
)


#: Written by PyTorch 1.6 and later; older readers of the layout are refused by it.
FILE_VERSION = b"3\n"
#: Folder of the archive; any name will do.
ROOT = "weights"
_STORAGES = {np.dtype(code): name for name, code in DTYPES.items()}


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
            raise _Refused("it is a pipe or a device")  # opening it could wait forever
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_BYTES:
                raise _Refused(f"it is larger than {MAX_BYTES >> 20} MB")
            start = stream.read(2)
            stream.seek(0)
            if start == ZIP_START:
                content = _read_zip(stream, size)
            elif start[:1] == PICKLE_START:
                content = _read_legacy(stream)
            else:
                raise _Refused("it is no file of PyTorch weights")
            return _tensors(content, size)
    except _Refused as error:
        raise UserError(f"{path} is refused: {error}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged or cut short: {full_message(error)}.") from error


class _Refused(Exception):
    """The file is whole, but not what is read here."""


@dataclass
class _Storage:
    """A flat run of numbers that tensors look into; filled once the pickle has been read."""

    dtype: np.dtype[Any]
    count: int
    numbers: NDArray[Any] = field(default_factory=lambda: np.empty(0))

    def fill(self, content: bytes) -> None:
        if len(content) < self.count * self.dtype.itemsize:
            raise EOFError(f"{len(content)} bytes for {self.count} numbers")
        self.numbers = np.frombuffer(content, self.dtype, self.count)


@dataclass(frozen=True)
class _Tensor:
    """The arguments of ``torch._utils._rebuild_tensor_v2``."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def check(self) -> None:
        """Raise ``ValueError`` unless it stays within its storage."""
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.shape, *self.strides)) < 0:
            raise ValueError("a tensor of negative size")
        # With strides of 0 a few numbers would fill any amount of memory.
        if math.prod(self.shape) > len(self.storage.numbers):
            raise ValueError("a tensor is larger than its storage")
        if 0 not in self.shape and self.offset + reach >= len(self.storage.numbers):
            raise ValueError("a tensor reaches beyond its storage")

    def numbers(self) -> NDArray[Any]:
        """A copy of what was checked."""
        flat = self.storage.numbers[self.offset :]
        strides = [step * flat.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(flat, self.shape, strides, writeable=False)
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor without a storage")
    return _Tensor(storage, _number(offset), _numbers(shape), _numbers(strides))


def _numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)) or len(values) > MAX_DIMENSIONS:
        raise TypeError("a tensor's shape is none")
    return tuple(map(_number, values))


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MAX_BYTES:
        raise ValueError("a size that is negative, too large or no number")
    return value


def _name(value: Any) -> str:
    """Of a tensor or storage. A tuple that holds itself twice, and so on, 50 times, is small, but
    is never done being hashed or printed."""
    if not isinstance(value, (str, int)):
        raise _Refused("it has keys that are neither text nor numbers")
    return str(value)


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


#: Every name a state dict may use, and what it means here.
_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): None,  # a method of the unpickler
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    # Their codes, as strings: a pickle could give state to an object, and so change NumPy's types.
    **{("torch", name): code for name, code in DTYPES.items()},
}


#: The operations of pickles of state dicts, of all protocols. Among the others are some that
#: allocate what they announce, sets, and ways to call what is named.
_OPCODES = b"".join(
    [
        *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK),
        *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID),
        *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
        *(pickle.INT, pickle.LONG, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
        *(pickle.BINSTRING, pickle.SHORT_BINSTRING, pickle.BINUNICODE, pickle.SHORT_BINUNICODE),
        *(pickle.BINBYTES, pickle.SHORT_BINBYTES),
        *(pickle.TUPLE, pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
        *(pickle.LIST, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
        *(pickle.DICT, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
        *(pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE),
        *(pickle.GET, pickle.BINGET, pickle.LONG_BINGET),
    ]
)


class _Pickled:
    """The part of a stream that a pickle may take."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_PICKLE_BYTES

    def read(self, count: int) -> bytes:
        return self._counted(self._stream.read(min(count, self._left + 1)))

    def readline(self) -> bytes:
        return self._counted(self._stream.readline(self._left + 1))

    def _counted(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            raise _Refused(f"its pickle is larger than {MAX_PICKLE_BYTES >> 20} MB")
        return content


class _Unpickler(pickle._Unpickler):
    """Understands the names and operations above and no other.

    It is the one that is written in Python, whose memo is a dictionary: fifteen bytes can make the
    one written in C allocate gigabytes for a memo table.
    """

    def __init__(self, stream: IO[bytes], big_endian: bool = False) -> None:
        super().__init__(_Pickled(stream), encoding="utf-8")
        self.storages: dict[str, _Storage] = {}
        self._order: Literal["<", ">"] = ">" if big_endian else "<"
        self._pairs = 0

    def load_build(self) -> None:
        """State, such as an ``OrderedDict``'s ``_metadata``, is ignored: given to a function
        or class it would change it for all that comes after."""
        self.stack.pop()  # type: ignore[attr-defined]

    def load_setitem(self) -> None:
        """An entry of a dictionary."""
        _name(self.stack[-2])  # type: ignore[attr-defined]
        super().load_setitem()  # type: ignore[misc]

    def load_setitems(self) -> None:
        """Entries of a dictionary."""
        for key in self.stack[::2]:  # type: ignore[attr-defined]
            _name(key)
        super().load_setitems()  # type: ignore[misc]

    def load_dict(self) -> None:
        """A dictionary in protocol 0."""
        for key in self.stack[::2]:  # type: ignore[attr-defined]
            _name(key)
        super().load_dict()  # type: ignore[misc]

    # The class's own table, by opcode: without it the methods above would not be called.
    dispatch: ClassVar[dict[int, Any]] = {
        **{code: pickle._Unpickler.dispatch[code] for code in _OPCODES},
        pickle.BUILD[0]: load_build,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            named = f"{module}.{name}"[:100]
            raise _Refused(f"it names {named}, which none of these weights need")
        return _KNOWN[module, name] or self._ordered_dict

    def _ordered_dict(self, pairs: Any = ()) -> OrderedDict[Any, Any]:
        """Python 2 pickled the entries as a list of lists; copies of copies are not made."""
        if not isinstance(pairs, (list, tuple)):
            raise TypeError("an OrderedDict of no list")
        self._pairs += len(pairs)
        if self._pairs > _MAX_PAIRS:
            raise _Refused("it copies its entries again and again")
        for key, _ in pairs:
            _name(key)
        return OrderedDict(pairs)

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or dtype not in DTYPES.values() or any(view):
            raise _Refused("it refers to storages of a kind that is not known here")
        storage = _Storage(np.dtype(dtype).newbyteorder(self._order), _number(count))
        return self.storages.setdefault(_name(key), storage)


def _read_zip(stream: IO[bytes], size: int) -> Any:
    # zipfile has no public way to learn how long the list of entries is before it reads all of it.
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end and end[zipfile._ECD_SIZE] > MAX_DIRECTORY_BYTES:  # type: ignore[attr-defined]
        raise _Refused("it is a zip archive of too many entries")
    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise _Refused("it is a zip archive that holds two entries of one name")
        # PyTorch compresses nothing and no part lies in two entries, so together they are no larger
        # than the file; what is made to be unpacked to gigabytes is neither.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise _Refused("it is a zip archive that is compressed, which PyTorch's are not")
        if sum(entry.file_size for entry in archive.infolist()) > size:
            raise _Refused("it is a zip archive that claims to hold more than its size")
        found = [name for name in names if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise _Refused("it is a zip archive, but not of PyTorch weights")
        root = found[0].removesuffix("data.pkl")
        order = f"{root}byteorder"
        big_endian = order in names and archive.read(order).strip() == b"big"
        with archive.open(found[0]) as pickled:
            unpickler = _Unpickler(pickled, big_endian)
            content = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.fill(archive.read(f"{root}data/{key}"))
    return content


def _read_legacy(stream: IO[bytes]) -> Any:
    def load() -> Any:
        return _Unpickler(stream).load()

    if load() != LEGACY_MAGIC or load() != LEGACY_PROTOCOL:
        raise _Refused("it is a pickle, but not of PyTorch weights")
    big_endian = not load().get("little_endian", True)
    unpickler = _Unpickler(stream, big_endian)
    content = unpickler.load()
    for key in map(_name, load()):
        storage = unpickler.storages[key]
        (count,) = struct.unpack(">q" if big_endian else "<q", stream.read(8))
        if count != storage.count:
            raise ValueError(f"storage {key[:60]} has {count} numbers, expected {storage.count}")
        storage.fill(stream.read(storage.count * storage.dtype.itemsize))
    return content


def _tensors(content: Any, size: int) -> dict[str, NDArray[Any]]:
    if not isinstance(content, dict):
        raise _Refused("it holds no state dict")
    # dict's own items: the file may have given its dictionary attributes of any name.
    pairs = list(dict.items(content))
    foreign = [name for name, value in pairs if not isinstance(value, _Tensor)]
    if foreign or not pairs:
        named = f": {foreign[0]!r:.100} is no tensor" if foreign else ""
        raise _Refused(f"it holds no state dict{named}")
    for _, value in pairs:
        value.check()
    total = sum(math.prod(value.shape) * value.storage.dtype.itemsize for _, value in pairs)
    if total > _SHARING * size:
        raise _Refused(f"its tensors claim {total:,} bytes, the file holds {size:,}")
    return {str(name): value.numbers() for name, value in pairs}


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
