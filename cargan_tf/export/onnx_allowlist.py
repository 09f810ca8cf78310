"""Checks an ONNX file before it is loaded: it computes, and holds all of its weights.

ONNX files may name other files to read weights from, and operations of other libraries. Those from
strangers are therefore checked first, as SavedModels are (``op_allowlist``). This reads the file's
format itself: ONNX's own package would take as long to import as an image takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

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
#: Names of ONNX's own set of operations.
_OWN_DOMAINS: Final = (b"", b"ai.onnx")
#: Bytes per value of each type of tensor that exports hold: float, uint8, int8, int32, int64, bool,
#: float16 and double.
_BYTES: Final = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}

#: Number and value of a field: an integer, or the bytes of text or of a message.
_Field: TypeAlias = tuple[int, int | memoryview]


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
            _check_graph(_message(value))
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
    return properties


def _check_graph(graph: memoryview) -> None:
    for number, value in _fields(graph):
        if number == 1:  # node
            _check_node(_message(value))
        elif number == 5:  # initializer
            _check_tensor(_message(value))
        elif number == 15:  # sparse_initializer
            raise Refused("it holds sparse weights")


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


def _check_tensor(tensor: memoryview) -> None:
    """That its values are in the file, as many as it says."""
    shape: list[int] = []
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
        elif number not in (8, 12):  # name, doc_string
            raise Refused("it holds weights in a form that exports do not have")
    if kind not in _BYTES or math.prod(shape) * _BYTES[kind] != size:
        raise Refused(f"it is damaged: {size} bytes cannot be a tensor of shape {shape}")


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
