"""The pickle in a file of PyTorch weights: read without running code from it, and written.

A pickle can name any function of any module to be called. Only the names in ``_KNOWN`` are
accepted, and they stand for harmless classes of this module; any other is an error. Sizes are
checked before memory is allocated. What is written is put together from opcodes, since the names in
it belong to a package that is not installed here.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

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
_STORAGES = {np.dtype(code): name for name, code in DTYPES.items()}

#: The authors' largest file, G2 with ngf 64, has 218 MB; torchvision's ResNet-152 has 230 MB.
MAX_BYTES = 2**30
#: Of a pickle: a byte can become an object of 64, in a microsecond. ResNet-152's has 0.1 MB.
MAX_PICKLE_BYTES = 2**20
#: Entries of dictionaries that Python 2 pickled.
_MAX_PAIRS = 2**16
#: PyTorch's own limit is 64; sizes of more dimensions take long to multiply.
MAX_DIMENSIONS = 64

#: What a damaged pickle is met with, besides ``Refused``.
DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
)


class Refused(Exception):
    """The file is whole, but not what is read here."""


@dataclass
class Storage:
    """A flat run of numbers that tensors look into; filled once the pickle has been read."""

    dtype: np.dtype[Any]
    count: int
    numbers: NDArray[Any] = field(default_factory=lambda: np.empty(0))

    def fill(self, content: bytes) -> None:
        """Set the numbers; raise ``EOFError`` unless all are there."""
        if len(content) < self.count * self.dtype.itemsize:
            raise EOFError(f"{len(content)} bytes for {self.count} numbers")
        self.numbers = np.frombuffer(content, self.dtype, self.count)


@dataclass(frozen=True)
class PickledTensor:
    """The arguments of ``torch._utils._rebuild_tensor_v2``."""

    storage: Storage
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
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> PickledTensor:
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return PickledTensor(storage, _number(offset), _numbers(shape), _numbers(strides))


def _numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)) or len(values) > MAX_DIMENSIONS:
        raise TypeError("a tensor's shape is none")
    return tuple(map(_number, values))


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MAX_BYTES:
        raise ValueError("a size that is negative, too large or no number")
    return value


def key_of(value: Any) -> str:
    """The key of a tensor or storage, as text.

    A tuple that holds itself twice, and so on, 50 times, is small, but is never done being hashed
    or printed.
    """
    if not isinstance(value, (str, int)):
        raise Refused("it has keys that are neither text nor numbers")
    return str(value)


def _rebuild_parameter(tensor: PickledTensor, *_: Any) -> PickledTensor:
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
            raise Refused(f"its pickle is larger than {MAX_PICKLE_BYTES >> 20} MB")
        return content


class StateUnpickler(pickle._Unpickler):
    """Understands the names and operations above and no other.

    It is the one that is written in Python, whose memo is a dictionary: fifteen bytes can make the
    one written in C allocate gigabytes for a memo table.
    """

    def __init__(self, stream: IO[bytes], big_endian: bool = False) -> None:
        super().__init__(_Pickled(stream), encoding="utf-8")
        self.storages: dict[str, Storage] = {}
        self._order: Literal["<", ">"] = ">" if big_endian else "<"
        self._pairs = 0

    def load_build(self) -> None:
        """State, such as an ``OrderedDict``'s ``_metadata``, is ignored: given to a function
        or class it would change it for all that comes after."""
        self.stack.pop()  # type: ignore[attr-defined]

    def load_setitem(self) -> None:
        """An entry of a dictionary."""
        key_of(self.stack[-2])  # type: ignore[attr-defined]
        super().load_setitem()  # type: ignore[misc]

    def load_setitems(self) -> None:
        """Entries of a dictionary."""
        for key in self.stack[::2]:  # type: ignore[attr-defined]
            key_of(key)
        super().load_setitems()  # type: ignore[misc]

    def load_dict(self) -> None:
        """A dictionary in protocol 0."""
        for key in self.stack[::2]:  # type: ignore[attr-defined]
            key_of(key)
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
        """What a known name means here."""
        if (module, name) not in _KNOWN:
            named = f"{module}.{name}"[:100]
            raise Refused(f"it names {named}, which none of these weights need")
        return _KNOWN[module, name] or self._ordered_dict

    def _ordered_dict(self, pairs: Any = ()) -> OrderedDict[Any, Any]:
        """Python 2 pickled the entries as a list of lists; copies of copies are not made."""
        if not isinstance(pairs, (list, tuple)):
            raise TypeError("an OrderedDict of no list")
        self._pairs += len(pairs)
        if self._pairs > _MAX_PAIRS:
            raise Refused("it copies its entries again and again")
        for key, _ in pairs:
            key_of(key)
        return OrderedDict(pairs)

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a tensor refers to."""
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or dtype not in DTYPES.values() or any(view):
            raise Refused("it refers to storages of a kind that is not known here")
        storage = Storage(np.dtype(dtype).newbyteorder(self._order), _number(count))
        return self.storages.setdefault(key_of(key), storage)


def pickled(arrays: Mapping[str, NDArray[Any]]) -> bytes:
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
