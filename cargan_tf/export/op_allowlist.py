"""Load an exported model after checking that it holds only allowed TensorFlow operations.

A SavedModel is a program. TensorFlow has operations that read and write files, call Python and talk
to other machines, and some run as soon as a model is loaded. A model from a stranger is therefore
checked first: each operation must be one that generating needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from cargan_tf.errors import UserError

#: The operations of exports of all kinds of networks, and close relatives.
_OPERATIONS = """
    Abs Add AddN AddV2 All Any ArgMax Cast Ceil ClipByValue Div DivNoNan Equal Exp Floor FloorDiv
    FloorMod Greater GreaterEqual Imag IsFinite Less LessEqual Log Log1p LogicalAnd LogicalNot
    LogicalOr Max Maximum Mean Min Minimum Mul Neg NotEqual Pow Prod Real RealDiv Rint Round Rsqrt
    Select SelectV2 Sign Sin Cos Sqrt Square SquaredDifference Sub Sum TopKV2 BesselI0 BesselI0e

    BroadcastTo ConcatV2 Const DepthToSpace EnsureShape ExpandDims Fill GatherNd GatherV2 Identity
    IdentityN OneHot OnesLike Pack Pad PadV2 MirrorPad Placeholder Range Rank Reshape ReverseV2
    Shape Size Slice SpaceToDepth Split SplitV Squeeze StopGradient StridedSlice Tile Transpose
    Unpack Where ZerosLike

    BatchMatMulV2 BatchMatMulV3 BiasAdd Conv2D Conv2DBackpropFilter Conv2DBackpropInput
    DepthwiseConv2dNative Einsum Elu FusedBatchNormV3 L2Loss LeakyRelu LogSoftmax MatMul AvgPool
    MaxPool Relu Relu6 Sigmoid Softmax Softplus Tanh ResizeBilinear ScaleAndTranslate IRFFT RFFT

    AsString DecodeRaw DecodeWav EncodePng ReduceJoin StaticRegexFullMatch StaticRegexReplace
    StringFormat StringJoin StringLength StringLower StringStrip StringUpper Substr UnicodeTranscode

    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormalV2
    StatelessRandomUniformV2 StatelessTruncatedNormalV2

    TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem
    TensorListStack

    AssignVariableOp DisableCopyOnRead HashTableV2 LookupTableExportV2 LookupTableFindV2
    LookupTableImportV2 LookupTableSizeV2 ReadVariableOp VarHandleOp VarIsInitializedOp

    Assert Case If NoOp PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf
    StatelessWhile While
"""
_ALLOWED = frozenset(_OPERATIONS.split())
#: How SavedModels save and restore their own variables, at a path that they are given.
_CHECKPOINTING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})
_CHECKPOINTERS = re.compile(r"__inference__traced_(save|restore)_\d+")

#: TensorFlow's C++ loader takes this instead of saved_model.pb where it is there: a graph in
#: pieces, as those of more than 2 GB are.
_IN_PIECES = "saved_model.cpb"

#: The module of TensorFlow that registers the gradients of a loaded model.
_LOADER = "tensorflow.python.saved_model.function_deserialization"


def check_ops(version: Path) -> SavedModel:
    """The graph of an exported version, once it is known to compute and no more.

    Raises:
        UserError: it holds an operation that generating does not need, or cannot be read.
    """
    if (version / _IN_PIECES).exists():
        raise UserError(f"the model at {version} is refused: {_IN_PIECES} is not read here.")
    try:
        saved = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as error:
        raise UserError(f"the model at {version} is damaged: export it again.") from error
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise UserError(f"the model at {version} is no export of Keras' or TensorFlow 2's.")
    for name, where in _reaching_out(saved.meta_graphs[0]):
        raise UserError(
            f"the model at {version} is refused: its graph holds {name} ({where}), which no model"
            " needs to generate images and which may reach files or other programs. Take models of"
            " `cargan export` from people you trust."
        )
    return saved


def _reaching_out(meta: MetaGraphDef) -> Iterator[tuple[str, str]]:
    """Operations that may do more than compute, and where they stand."""
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    checkpointers = {name for name in functions if _CHECKPOINTERS.fullmatch(name)}
    # TensorFlow's own are called by the outermost graph, which is not what runs when a model is
    # loaded as an object; whoever else calls them brings a path of its own along.
    called = {name for function in functions.values() for name in _called_by(function)}
    called |= set(meta.object_graph_def.concrete_functions)
    allowed = _ALLOWED | functions.keys()
    for node in meta.graph_def.node:
        if node.op not in allowed | _CHECKPOINTING:
            yield node.op, "outside functions"
    for name, function in functions.items():
        own = name in checkpointers - called
        for node in function.node_def:
            if node.op not in (allowed | _CHECKPOINTING if own else allowed):
                yield node.op, f"in {name}"


def _called_by(function: FunctionDef) -> Iterator[str]:
    for node in function.node_def:
        yield node.op
        for value in node.attr.values():
            yield from _functions_in(value)


def _functions_in(value: AttrValue) -> Iterator[str]:
    yield value.func.name
    for function in value.list.func:
        yield function.name


def load_exported(version: Path) -> tuple[Any, SavedModel]:
    """What TensorFlow makes of an exported version, and the graph in its file.

    Variables live only as long as the first.

    Raises:
        UserError: it is damaged, or does more than generate images.
    """
    saved = check_ops(version)
    try:
        with _without_gradients():
            return tf.saved_model.load(str(version)), saved
    except Exception as error:  # protobuf, TensorFlow and the system each have their own
        raise UserError(f"the model at {version} is damaged: export it again.") from error


@contextmanager
def _without_gradients() -> Iterator[None]:
    """Unregister the gradients of models that are loaded within the block.

    TensorFlow keeps each registered gradient for good, and with it the model's graphs: a process
    that loads one model after another would hold them all. Generating takes no gradients.
    """
    from tensorflow.python.framework import ops  # no public way to unregister

    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in registered.keys() - before:
            if registered[name]["type"].__module__ == _LOADER:
                del registered[name]
