"""Load an exported model after checking that all it can do is compute.

A SavedModel is a program. TensorFlow has operations that read and write files, call Python and talk
to other machines, and some run as soon as a model is loaded. A model from a stranger is therefore
taken apart first:

- What can run is what the object graph leads to: signatures, initializers of tables, functions that
  these call, under whatever name. It may hold only the operations that generating needs; saving and
  restoring are not among them.
- Everything else in the file (the outermost graph, functions that only it calls, gradients) is
  looked through too, and then left out.
- TensorFlow is given what remains, not the file, so that what is loaded is what was checked. The
  variables are restored by TensorFlow's own operation, from the model's own folder.

A model may still compute for long and fill memory while it does: limit the process where that
matters (docs/explanation/reliability.md).
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObjectGraph
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

# TensorFlow has no public way to ask whether an operation exists, or to load a graph in memory.
from tensorflow.python.framework import op_def_registry, ops
from tensorflow.python.saved_model import load as saved_model_loader
from tensorflow.python.saved_model.load_options import LoadOptions
from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

from cargan_tf.errors import UserError, first_line

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

    HashTableV2 LookupTableExportV2 LookupTableFindV2 LookupTableImportV2 LookupTableSizeV2
    ReadVariableOp

    Assert Case If NoOp PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf
    StatelessWhile While
"""
_ALLOWED: Final = frozenset(_OPERATIONS.split())
#: What every SavedModel has besides, for saving and restoring it, where only the outermost graph
#: leads to it; that is not loaded.
_LEFT_OUT: Final = frozenset(
    {
        *("AssignVariableOp", "DisableCopyOnRead", "VarHandleOp", "VarIsInitializedOp"),
        *("MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"),
    }
)

#: TensorFlow's C++ loader takes this instead of saved_model.pb where it is there: a graph in
#: pieces, as those of more than 2 GB are.
_IN_PIECES: Final = "saved_model.cpb"
_GRAPH, _VARIABLES = "saved_model.pb", "variables"

#: Python objects that TensorFlow makes from a file: modules, lists, dictionaries.
_OBJECTS: Final = frozenset(
    {
        "_generic_user_object",
        "signature_map",
        *("trackable_dict_wrapper", "trackable_list_wrapper", "trackable_tuple_wrapper"),
    }
)
#: Classes that TensorFlow makes by their name in a file.
_CLASSES: Final = frozenset({"", "tf.StaticHashTable", "tf.TrackableConstant"})
_KINDS: Final = frozenset(
    {
        *("user_object", "function", "bare_concrete_function", "variable", "constant", "resource"),
        "captured_tensor",
    }
)

#: The shipped model's graph has 3 MB, 40 functions, and 0.3 million numbers in constants; it has
#: 1,600 nodes when each function stands where it is called, which is how TensorFlow runs it.
MAX_GRAPH_BYTES: Final = 2**28
MAX_FUNCTIONS: Final = 1_000
MAX_CONSTANT_NUMBERS: Final = 2**26
MAX_NODES: Final = 2**20
#: Dimensions of a tensor in TensorFlow.
MAX_RANK: Final = 254
#: Bytes of all variables: a file can claim any size by leaving out what is 0.
MAX_VARIABLE_BYTES: Final = 2**31
#: A name, shape and checksum for each variable.
MAX_INDEX_BYTES: Final = 2**26


class _Refused(Exception):
    """The file is whole, but not what is loaded here; the message is the reason."""


def check_ops(version: Path) -> SavedModel:
    """The graph of an exported version without all that generating does not need, once it is known
    to compute and no more.

    Raises:
        UserError: it holds an operation that generating does not need, or cannot be read.
    """
    try:
        _check_files(version)
        saved = SavedModel.FromString((version / _GRAPH).read_bytes())
        if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
            raise _Refused("it is no export of Keras' or TensorFlow 2's")
        meta = saved.meta_graphs[0]
        functions = _functions_of(meta)
        running = _reachable(_roots(meta.object_graph_def), functions)
        _check_operations(meta, functions, running)
        _check_objects(meta)
        _check_sizes(meta, functions, running)
    except (OSError, DecodeError) as error:
        raise UserError(f"the model at {version} is damaged: export it again.") from error
    except _Refused as error:
        raise _refusal(version, error) from error
    _leave_out_the_rest(meta, running)
    return saved


def load_exported(version: Path) -> tuple[Any, SavedModel]:
    """What TensorFlow makes of an exported version, and the graph that it made it of.

    Variables live only as long as the first.

    Raises:
        UserError: it is damaged, or does more than generate images.
    """
    saved = check_ops(version)
    meta = saved.meta_graphs[0]
    try:
        _check_checkpoint(version)
        with ops.init_scope():
            loader = saved_model_loader.Loader(
                meta.object_graph_def,
                saved,
                str(version),
                ckpt_options=tf.train.CheckpointOptions(),
                save_options=LoadOptions(),
                filters=None,
            )
            return loader.get(0), saved
    except _Refused as error:
        raise _refusal(version, error) from error
    except Exception as error:  # protobuf, TensorFlow and the system each have their own
        raise UserError(f"the model at {version} is damaged: export it again.") from error


def check_weights(version: Path) -> None:
    """Check the files of a version whose weights are restored without its graph.

    Raises:
        UserError: they are links, pipes or devices, larger than they are, or damaged.
    """
    try:
        _check_files(version)
        _check_checkpoint(version)
    except _Refused as error:
        raise _refusal(version, error) from error
    except Exception as error:  # protobuf, TensorFlow and the system each have their own
        raise UserError(
            f"the weights of {version} are damaged ({first_line(error)}): export it again."
        ) from error


def _refusal(version: Path, reason: _Refused) -> UserError:
    return UserError(
        f"the model at {version} is refused: {reason}. Take models of `cargan export` from people"
        " you trust."
    )


def _check_files(version: Path) -> None:
    """Regular files of bounded size in the model's folder: no pipe, device or link to elsewhere."""
    if (version / _IN_PIECES).exists():
        raise _Refused(f"{_IN_PIECES} is not read here")
    root = version.resolve()
    for file in (version / _GRAPH, *(version / _VARIABLES).iterdir()):
        named = file.relative_to(version)
        if not file.resolve().is_relative_to(root):
            raise _Refused(f"{named} is a link out of its folder; copy the file into it")
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _Refused(f"{named} is not a regular file")
        limit = MAX_GRAPH_BYTES if file.name == _GRAPH else MAX_INDEX_BYTES
        if file.suffix in (".pb", ".index") and found.st_size > limit:
            raise _Refused(f"{named} is larger than {limit >> 20} MB")


def _check_objects(meta: MetaGraphDef) -> None:
    """Only what exports consist of; TensorFlow makes a Python object of each."""
    if meta.asset_file_def:
        raise _Refused("it refers to files of its own (assets), which no export has")
    constants = {node.name for node in meta.graph_def.node if node.op == "Const"}
    for node in meta.object_graph_def.nodes:
        kind = node.WhichOneof("kind")
        named = node.user_object.identifier if kind == "user_object" else "_generic_user_object"
        if kind not in _KINDS or named not in _OBJECTS or node.registered_name not in _CLASSES:
            what = " ".join(filter(None, (kind, node.user_object.identifier, node.registered_name)))
            raise _Refused(f"it holds an object that no export has ({what or 'of no kind'})")
        if node.saveable_objects or node.registered_saver or node.slot_variables:
            raise _Refused("it holds an object that saves and restores itself, which no export has")
        if kind == "constant" and node.constant.operation not in constants:
            raise _Refused(f"its constant {node.constant.operation!r} is none")


def _functions_of(meta: MetaGraphDef) -> dict[str, FunctionDef]:
    """The functions by name: each name once, and no operation's, whose place it would take."""
    if len(meta.graph_def.library.function) > MAX_FUNCTIONS:
        raise _Refused(f"it holds more than {MAX_FUNCTIONS:,} functions")
    functions: dict[str, FunctionDef] = {}
    for function in meta.graph_def.library.function:
        name = function.signature.name
        if name in functions:
            raise _Refused(f"it holds two functions called {name}")
        if op_def_registry.get(name) is not None:
            raise _Refused(f"it holds a function called {name}, as an operation of TensorFlow is")
        functions[name] = function
    return functions


def _roots(graph: SavedObjectGraph) -> Iterator[str]:
    """The functions that whoever holds the loaded object can call, and those that loading calls.

    The map ``concrete_functions`` is no source of them: TensorFlow also loads objects that name a
    function which stands nowhere in it.
    """
    for node in graph.nodes:
        yield from node.function.concrete_functions
        for name in (
            node.bare_concrete_function.concrete_function_name,
            node.captured_tensor.concrete_function,
        ):
            if name:
                yield name


def _reachable(roots: Iterable[str], functions: Mapping[str, FunctionDef]) -> frozenset[str]:
    """``roots`` and all functions that they call, directly or not."""
    waiting, found = set(roots), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in functions:
            raise _Refused(f"it calls a function that it does not hold ({name})")
        found.add(name)
        waiting |= set(_called_by(functions[name], functions)) - found
    return frozenset(found)


def _called_by(function: FunctionDef, functions: Mapping[str, FunctionDef]) -> Iterator[str]:
    """A function's name stands as an operation, or in any attribute of one."""
    for node in function.node_def:
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            yield from _functions_in(value)


def _functions_in(value: AttrValue) -> Iterator[str]:
    for function in (value.func, *value.list.func):
        if function.name:
            yield function.name
            for inner in function.attr.values():
                yield from _functions_in(inner)


def _check_operations(
    meta: MetaGraphDef, functions: Mapping[str, FunctionDef], running: frozenset[str]
) -> None:
    # What does not run is left out before loading. It is looked through all the same, as the file
    # may be passed on to a program that loads all of it.
    dormant = _ALLOWED | _LEFT_OUT | functions.keys()
    for node in meta.graph_def.node:
        _check_operation(node, dormant, "outside functions")
    for name, function in functions.items():
        allowed = _ALLOWED | functions.keys() if name in running else dormant
        for node in function.node_def:
            _check_operation(node, allowed, f"in {name}")


def _check_operation(node: NodeDef, allowed: frozenset[str], where: str) -> None:
    if node.op not in allowed:
        raise _Refused(
            f"its graph holds {node.op} ({where}), which no model needs to generate images and"
            " which may reach files or other programs"
        )


def _check_sizes(
    meta: MetaGraphDef, functions: Mapping[str, FunctionDef], running: frozenset[str]
) -> None:
    """Bound what a small file can be unfolded to: constants and functions within functions."""
    numbers = 0
    nodes = [*meta.graph_def.node, *(node for name in running for node in functions[name].node_def)]
    for node in nodes:
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        if len(tensor.tensor_shape.dim) > MAX_RANK:  # their product would take hours
            raise _Refused(f"its constant {node.name} has more than {MAX_RANK} dimensions")
        sizes = [dimension.size for dimension in tensor.tensor_shape.dim]
        if tensor.dtype in (tf.resource.as_datatype_enum, tf.variant.as_datatype_enum):
            raise _Refused(f"its constant {node.name} holds no numbers")
        numbers += math.prod(sizes) if min(sizes, default=0) >= 0 else MAX_CONSTANT_NUMBERS + 1
    if numbers > MAX_CONSTANT_NUMBERS:
        raise _Refused(f"its constants claim more than {MAX_CONSTANT_NUMBERS:,} numbers")
    unfolded: dict[str, int] = {}
    for name in _callees_first(running, functions):
        calls = _called_by(functions[name], functions)
        unfolded[name] = len(functions[name].node_def) + sum(unfolded[call] for call in calls)
        if unfolded[name] > MAX_NODES:
            raise _Refused(f"its function {name} unfolds to more than {MAX_NODES:,} nodes")


def _callees_first(names: Iterable[str], functions: Mapping[str, FunctionDef]) -> Iterator[str]:
    """Each function after those that it calls; TensorFlow loads none that calls itself."""
    waiting = {name: set(_called_by(functions[name], functions)) for name in names}
    while waiting:
        ready = [name for name, calls in waiting.items() if calls.isdisjoint(waiting)]
        if not ready:
            raise _Refused(f"its function {min(waiting)} calls itself")
        yield from ready
        for name in ready:
            del waiting[name]


def _leave_out_the_rest(meta: MetaGraphDef, running: frozenset[str]) -> None:
    """Reduce the graph to what runs.

    Gradients would also be kept by TensorFlow for good, and the model's graphs with them: a process
    that loads one model after another would hold them all. Generating takes no gradients.
    """
    constants = {node.constant.operation for node in meta.object_graph_def.nodes}
    graph = meta.graph_def
    kept_nodes = [node for node in graph.node if node.name in constants]
    kept = [function for function in graph.library.function if function.signature.name in running]
    for function in kept:
        for node in function.node_def:
            node.attr.pop("_gradient_op_type", None)
    reduced = type(graph)(node=kept_nodes, versions=graph.versions)
    reduced.library.function.extend(kept)
    graph.CopyFrom(reduced)
    for name in set(meta.object_graph_def.concrete_functions) - running:
        del meta.object_graph_def.concrete_functions[name]
    meta.ClearField("saver_def")
    meta.ClearField("collection_def")


def _check_checkpoint(version: Path) -> None:
    """The variables are no larger than their files, and restored by no function of others."""
    folder = version / _VARIABLES
    reader = NewCheckpointReader(str(folder / _VARIABLES))
    types, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
    claimed = sum(
        math.prod(map(abs, shape)) * max(1, types[name].size) for name, shape in shapes.items()
    )
    held = sum(file.stat().st_size for file in folder.iterdir() if ".data-" in file.name)
    if claimed > MAX_VARIABLE_BYTES:
        raise _Refused(f"its variables claim more than {MAX_VARIABLE_BYTES >> 20:,} MB")
    if claimed > held:  # TensorFlow would allocate first; a file that was cut short is the same
        raise ValueError(f"the variables claim {claimed:,} bytes, their files hold {held:,}")
    described = reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    for node in TrackableObjectGraph.FromString(described).nodes:
        if node.HasField("registered_saver"):
            raise _Refused(f"its variables ask for a saver ({node.registered_saver.name})")
