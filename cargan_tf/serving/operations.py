"""What the graph of an exported model may do: compute, and nothing else.

A SavedModel is a program. TensorFlow has operations that read and write files, call Python and talk
to other machines, and some run as soon as a model is loaded. A model from a stranger is therefore
looked through before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry  # no public way to ask for a definition

from cargan_tf.errors import UserError

#: TensorFlow marks what depends on more than its inputs, or changes more than its outputs; of that,
#: models need variables, tables held in memory, checks, calls and loops.
_ALLOWED_STATEFUL = frozenset(
    {
        *("VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp"),
        *("DisableCopyOnRead", "HashTableV2", "LookupTableFindV2", "LookupTableImportV2"),
        *("LookupTableSizeV2", "LookupTableExportV2", "Assert"),
        *("StatefulPartitionedCall", "While", "If", "Case"),
    }
)
#: Not marked so, and yet they reach for files, for Python, or for what is outside the graph.
_REACHING = re.compile(
    r"ReadFile|MatchingFiles|InitializeTableFromTextFile|GenerateVocabRemapping|PyFunc.*|Reader.*"
    r"|.*Dataset.*|Debug.*|TPU.*|.*Proto.*"
)
#: How SavedModels save and restore their own variables, at a path that they are given.
_CHECKPOINTING = frozenset({"SaveV2", "RestoreV2", "MergeV2Checkpoints"})
_CHECKPOINTERS = re.compile(r"__inference__traced_(save|restore)_\d+")

#: TensorFlow reads this instead of saved_model.pb where it is there: a graph in pieces, as those of
#: more than 2 GB are.
_IN_PIECES = "saved_model.cpb"


def check_operations(version: Path) -> SavedModel:
    """The graph of an exported version, once it is known to compute and no more.

    Raises:
        UserError: it holds an operation that reaches beyond it, or cannot be read.
    """
    if (version / _IN_PIECES).exists():
        raise UserError(f"the model at {version} is refused: {_IN_PIECES} is not read here.")
    try:
        saved = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as error:
        raise UserError(f"the model at {version} is damaged: export it again.") from error
    for name, where in _reaching_out(saved):
        raise UserError(
            f"the model at {version} is refused: its graph holds {name} ({where}), which no model"
            " needs to draw and which may reach files or other programs. Take models of `cargan"
            " export` from people you trust."
        )
    return saved


def _reaching_out(saved: SavedModel) -> Iterator[tuple[str, str]]:
    """Operations that may do more than compute, and the functions that hold them."""
    for meta in saved.meta_graphs:
        functions = {function.signature.name for function in meta.graph_def.library.function}
        for node in meta.graph_def.node:
            if not _computes(node.op, functions):
                yield node.op, "outside functions"
        for function in meta.graph_def.library.function:
            name = function.signature.name
            # Without an input the path would be one that the file brings along.
            own = _CHECKPOINTERS.fullmatch(name) and len(function.signature.input_arg) > 0
            for node in function.node_def:
                if not (_computes(node.op, functions) or (own and node.op in _CHECKPOINTING)):
                    yield node.op, f"in {name}"


def _computes(operation: str, functions: set[str]) -> bool:
    if operation in functions or operation in _ALLOWED_STATEFUL:
        return True
    definition = op_def_registry.get(operation)
    known = definition is not None and not definition.is_stateful
    return known and not _REACHING.fullmatch(operation)
