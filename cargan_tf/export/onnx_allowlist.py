"""Checks an ONNX file before it is loaded: it may only compute, and from weights that it holds.

ONNX files may name other files to read weights from, and operations of other libraries. Those from
strangers are therefore checked, as SavedModels are (``op_allowlist``). This reads the file's format
itself: ONNX's own package would take as long to import as an image takes.

What ONNX Runtime computes while it loads a file (operations on constants) is bounded here, as no
limit of a session holds for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

#: Operations of a graph; the paper's networks have some three hundred.
MAX_NODES: Final = 10_000
#: Bytes that an operation on constants may always unfold to, and all of them beside the weights:
#: the log-mel's windowed Fourier transform is computed so, 17 MB at 2,048 samples.
_FOLDED: Final = 1 << 26
_FOLDED_IN_ALL: Final = 1 << 30

#: The operations of exports of all kinds of networks, and close relatives: none of them runs a
#: graph of its own.
_ALLOWED: Final = frozenset(
    b"""
    Abs Add And Cast Ceil Clip Concat Cos Div Elu Equal Erf Exp Expand Flatten Floor Gather GatherND
    Gemm Greater GreaterOrEqual Identity Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul
    Neg Not Or Pad Pow Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Reshape ReverseSequence Round STFT Shape Sigmoid Sign Sin Slice Softmax Softplus
    Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where

    AveragePool BatchNormalization Constant Conv ConvTranspose GlobalAveragePool GlobalMaxPool
    LeakyRelu MaxPool Relu
    """.split()
)
#: Of these, those whose output has the shape of their input.
_SAME_SHAPE: Final = frozenset(
    b"""
    Abs Cast Ceil Clip Cos Elu Erf Exp Floor Identity LeakyRelu Log LogSoftmax Neg Not Reciprocal
    Relu ReverseSequence Round Sigmoid Sign Sin Softmax Softplus Sqrt Tanh
    """.split()
)
#: Those whose output has no more values than their first input.
_NOT_LARGER: Final = _SAME_SHAPE | frozenset(
    b"""
    Flatten GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Reshape Slice Split Squeeze Transpose Unsqueeze
    """.split()
)
#: Those that broadcast their inputs.
_ELEMENTWISE: Final = frozenset(
    b"""
    Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum
    Where
    """.split()
)
#: Those that have at most as many values as the product of their inputs' numbers of values; of all
#: others it depends on values or attributes.
_AT_MOST_PRODUCT: Final = frozenset(b"Gather GatherND Gemm MatMul".split())
#: Dimensions of a tensor, and so values of a shape, at most.
_MAX_RANK: Final = 64
#: Names of ONNX's own set of operations.
_OWN_DOMAINS: Final = (b"", b"ai.onnx")
#: Bytes per value of each type of tensor that exports hold: float, uint8, int8, int32, int64, bool,
#: float16 and double.
_BYTES: Final = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}

#: Number and value of a field: an integer, or the bytes of text or of a message.
_Field: TypeAlias = tuple[int, int | memoryview]


def largest_folded(size: int) -> int:
    """Bytes of the largest tensor that ONNX Runtime may compute while it loads a file of ``size``
    bytes: weights of two bytes a value become ones of four."""
    return max(_FOLDED, 2 * size)


class _Constant(NamedTuple):
    """The number of values of a tensor that is computed from weights alone, at most; and its shape
    if it is known."""

    values: int
    shape: tuple[int, ...] | None = None


class Refused(ValueError):
    """Why a file is refused, as the rest of a sentence that begins with its name."""


def check_onnx(content: bytes) -> dict[str, str]:
    """Check the content of a file; gives its properties.

    Raises:
        Refused: it is no ONNX file, or does more than compute from weights of its own.
    """
    properties: dict[str, str] = {}
    graphs = 0
    for number, value in _fields(memoryview(content)):
        if number == 7:  # graph
            graphs += 1
            _check_graph(_message(value), len(content))
        elif number == 8:  # opset_import
            _check_domain(_message(value), number=1)
        elif number == 14:  # metadata_props
            entry = {key: bytes(_message(part)) for key, part in _fields(_message(value))}
            key, text = (entry.get(n, b"").decode("utf-8", "replace") for n in (1, 2))
            properties[key] = text
        elif number in (20, 25):  # training_info, functions
            raise Refused("it holds more than one graph")
    if not graphs:
        raise Refused("it is damaged or no ONNX file")
    if graphs > 1:  # they would be merged
        raise Refused("it holds more than one graph")
    return properties


def _check_graph(graph: memoryview, size: int) -> None:
    """Check the graph of a file of ``size`` bytes."""
    nodes: list[memoryview] = []
    inputs: set[bytes] = set()
    constants: dict[bytes, _Constant] = {}
    for number, value in _fields(graph):
        if number == 1:  # node
            _check_node(_message(value))
            nodes.append(_message(value))
            if len(nodes) > MAX_NODES:
                raise Refused(f"it holds more than {MAX_NODES:,} operations")
        elif number == 5:  # initializer
            name, shape = _check_tensor(_message(value))
            constants[name] = _Constant(math.prod(shape), shape)
        elif number == 11:  # input
            names = [_message(part) for key, part in _fields(_message(value)) if key == 1]
            inputs.update(bytes(name) for name in names)
        elif number == 15:  # sparse_initializer
            raise Refused("it holds sparse weights")
    _check_order(nodes, inputs | constants.keys())
    _check_constants(nodes, constants, size)


def _check_order(nodes: list[memoryview], known: set[bytes]) -> None:
    """Check that each node comes after those whose outputs it takes, as in all exports: ONNX
    Runtime sorts them, and what a later node makes would not be taken for a constant here.

    Args:
        nodes: of the graph, in its order.
        known: names of inputs and weights.
    """
    for node in nodes:
        names = [(number, bytes(_message(value))) for number, value in _fields(node) if number < 3]
        for number, name in names:
            if number == 1 and name and name not in known:
                raise Refused("its operations are not in their order")
        outputs = {name for number, name in names if number == 2 and name}
        if len(outputs) < sum(number == 2 and bool(name) for number, name in names) or (
            outputs & known
        ):
            raise Refused("two of its operations make the same tensor")
        known |= outputs


def _check_constants(nodes: list[memoryview], constants: dict[bytes, _Constant], size: int) -> None:
    """Check that what ONNX Runtime computes at loading, from constants alone, fits into memory.

    Args:
        nodes: of the graph, in its order.
        constants: the weights by name.
        size: bytes of the file.
    """
    largest, total = largest_folded(size), 0
    for node in nodes:
        fields = [(number, _message(value)) for number, value in _fields(node) if number < 6]
        operation = b"".join(bytes(value) for number, value in fields if number == 4)
        names = [bytes(value) for number, value in fields if number == 1 and len(value)]
        if operation == b"Shape":
            found = _Constant(_MAX_RANK)
        elif operation == b"Constant":
            found = _Constant(len(node))
        elif all(name in constants for name in names):
            axis = _axis_of([value for number, value in fields if number == 5])
            found = _folded(operation, [constants[name] for name in names], axis, largest)
        else:
            continue
        for number, value in fields:
            if number == 2:  # output
                constants[bytes(value)] = found
                total += min(8 * found.values, largest)
    if total > _FOLDED_IN_ALL + 8 * size:
        raise Refused(f"its constants unfold to {total >> 20:,} MB")


def _folded(operation: bytes, inputs: list[_Constant], axis: int, largest: int) -> _Constant:
    """What an operation makes of constants, at most; more than ``largest`` bytes is not computed
    before the model runs."""
    counts = [max(one.values, 1) for one in inputs] or [largest]
    shapes = [one.shape for one in inputs if one.shape is not None]
    known = len(shapes) == len(inputs)
    count, shape = largest, None
    if operation in _NOT_LARGER:
        count = counts[0]
    elif operation == b"Concat":
        count = sum(counts)
    elif operation == b"Gather" and known and axis in range(*_axes(shapes)):
        before, after = shapes[0][:axis], shapes[0][axis:][1:]
        shape = (*before, *shapes[1], *after)
        count = math.prod(shape)
    elif operation in _ELEMENTWISE and known:
        rank = max(map(len, shapes), default=0)
        aligned = [(1,) * (rank - len(one)) + one for one in shapes]
        shape = tuple(map(max, zip(*aligned, strict=True)))
        count = math.prod(shape)
    elif operation in _ELEMENTWISE or operation in _AT_MOST_PRODUCT:
        count = math.prod(counts)
    if operation in _SAME_SHAPE and known:
        shape = shapes[0]
    return _Constant(min(count, largest), shape)


def _axes(shapes: list[tuple[int, ...]]) -> tuple[int, int]:
    """The first axis of a tensor that is gathered from by another, and the one after the last."""
    return (-len(shapes[0]), len(shapes[0])) if len(shapes) == 2 else (0, 0)


def _axis_of(attributes: list[memoryview]) -> int:
    """The attribute ``axis`` of an operation; 0 if it has none."""
    for attribute in attributes:
        parts = list(_fields(attribute))
        if (1, b"axis") in [(number, value) for number, value in parts if number == 1]:
            values = [value for number, value in parts if number == 3 and isinstance(value, int)]
            # Negative ones are written as what they are in 64 bits.
            return next((v - (1 << 64) if v >> 63 else v for v in values[-1:]), 0)
    return 0


def _check_node(node: memoryview) -> None:
    _check_domain(node, number=7)
    for number, value in _fields(node):
        if number == 4 and bytes(_message(value)) not in _ALLOWED:  # op_type
            name = bytes(_message(value)).decode("utf-8", "replace")
            raise Refused(f"it holds the operation {name}, which no model needs to generate images")
        if number == 5:  # attribute
            for part, inner in _fields(_message(value)):
                if part in (5, 10):  # t, tensors
                    _check_tensor(_message(inner))
                elif part in (6, 11, 22, 23):  # g, graphs, sparse_tensor, sparse_tensors
                    raise Refused("it holds more than one graph, or sparse weights")


def _check_domain(message: memoryview, number: int) -> None:
    for found, value in _fields(message):
        if found == number and bytes(_message(value)) not in _OWN_DOMAINS:
            name = bytes(_message(value)).decode("utf-8", "replace")
            raise Refused(f"it needs operations of another library, {name}")


def _check_tensor(tensor: memoryview) -> tuple[bytes, tuple[int, ...]]:
    """Its name and shape; its values are in the file, as many as it says."""
    shape: list[int] = []
    name = b""
    kind, size = 0, 0
    for number, value in _fields(tensor):
        if number == 1:  # dims
            shape += [value] if isinstance(value, int) else _integers(value)
        elif number == 2 and isinstance(value, int):  # data_type
            kind = value
        elif number == 9:  # raw_data
            size = len(_message(value))
        elif number in (13, 14):  # external_data, data_location
            raise Refused("its weights are in another file")
        elif number == 8:
            name = bytes(_message(value))
        elif number != 12:  # doc_string
            raise Refused("it holds weights in a form that exports do not have")
    if len(shape) > _MAX_RANK:
        raise Refused(f"it holds a tensor of {len(shape):,} dimensions")
    if kind not in _BYTES or math.prod(shape) * _BYTES[kind] != size:
        raise Refused(f"it is damaged: {size} bytes cannot be a tensor of shape {shape[:8]}")
    return name, tuple(shape)


def _fields(message: memoryview) -> Iterator[_Field]:
    """The fields of a protocol-buffer message, in order."""
    position = 0
    while position < len(message):
        key, position = _integer(message, position)
        kind, length = key & 7, {1: 8, 5: 4}.get(key & 7, 0)
        if kind == 0:
            value, position = _integer(message, position)
            yield key >> 3, value
            continue
        if kind == 2:
            length, position = _integer(message, position)
        elif not length:
            raise Refused("it is damaged or no ONNX file")
        if length > len(message) - position:
            raise Refused("it is damaged or no ONNX file")
        yield key >> 3, message[position : position + length]
        position += length


def _integers(packed: memoryview) -> list[int]:
    found, position = [], 0
    while position < len(packed):
        value, position = _integer(packed, position)
        found.append(value)
    return found


def _integer(message: memoryview, position: int) -> tuple[int, int]:
    """A variable-length integer, and where it ends; negative ones are huge."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Refused("it is damaged or no ONNX file")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Refused("it is damaged or no ONNX file")
    return value
