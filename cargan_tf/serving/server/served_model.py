"""An exported version, loaded, with what it says of its signatures."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from grpc import StatusCode
from numpy.typing import NDArray
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.model_registry import exported_version
from cargan_tf.export.op_allowlist import load_exported
from cargan_tf.export.saved_model import read_warm_up
from cargan_tf.labels import MAX_SPELLING, label_index
from cargan_tf.serving.server.refusals import Refusal, invalid

DEFAULT_SIGNATURE = "serving_default"
#: The input of the signatures that take names of labels.
_LABEL = "label"
#: UTF-8 takes 4 bytes for a character at most.
_MAX_LABEL_BYTES = 4 * MAX_SPELLING
#: Initializes tables; no request calls it.
_INIT = "__saved_model_init_op"

#: In a tensor of a warm-up request: 16 sounds of some seconds at most.
_WARM_UP_NUMBERS = 1 << 22
#: Dimensions of a tensor; those of the model have four at most. The product of many large sizes
#: takes a time that grows with the square of their number.
_MAX_DIMENSIONS = 64
#: Sizes that a message shows.
_SHOWN = 8

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """An input of a signature: its type, and its sizes where they are fixed."""

    dtype: tf.DType
    shape: tuple[int | None, ...]  # the first is the number of sounds


class ServedModel:
    """One version under the name that clients use."""

    def __init__(
        self,
        name: str,
        version: int,
        loaded: Any,
        signatures: Mapping[str, SignatureDef],
        title: str | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        """Use ``ServedModel.load`` instead.

        Args:
            name: in requests.
            version: its number.
            loaded: the SavedModel.
            signatures: by name.
            title: what the model itself is called; ``name`` if it is not known.
            labels: its instruments, in order.
        """
        self.name, self.version = name, version
        self.title, self.labels = title or name, tuple(labels)
        self.signature_defs = dict(signatures)
        self._loaded = loaded  # variables live only as long as what was loaded
        self._inputs = {key: _specs(value.inputs) for key, value in signatures.items()}

    @classmethod
    def load(cls, folder: Path, name: str) -> ServedModel:
        """Load an exported version, or the highest of a folder of them.

        Raises:
            UserError: there is none at ``folder``, it is damaged or of another format, or it has
                operations that are not allowed.
        """
        version = exported_version(folder)
        metadata = read_metadata(version)  # refuses another format
        loaded, saved = load_exported(version)
        signatures = dict(saved.meta_graphs[0].signature_def)
        signatures.pop(_INIT, None)
        number = int(version.name) if version.name.isdecimal() else 1
        title = metadata.config.name
        model = cls(name, number, loaded, signatures, title, metadata.labels)
        try:
            for request in read_warm_up(version):
                inputs = {key: _array(value) for key, value in request.inputs.items()}
                model.run(request.model_spec.signature_name, inputs)
        except Exception as error:
            raise UserError(
                f"the warm-up requests of the model at {version} are damaged: export it again."
            ) from error
        return model

    def check_model(self, name: str, version: int | None) -> None:
        """Raise NOT_FOUND unless this is the model and the version."""
        if name != self.name or version not in (None, self.version):
            asked = name if version is None else f"{name}, version {version}"
            held = f"{self.name}, version {self.version}"
            raise Refusal(StatusCode.NOT_FOUND, f"no model {asked} here; there is {held}")

    def inputs_of(self, signature: str) -> dict[str, TensorSpec]:
        """What the signature takes; raises INVALID_ARGUMENT where there is no such signature."""
        if signature not in self._inputs:
            known = ", ".join(sorted(self._inputs))
            raise invalid(f"no signature {signature}; this model has {known}")
        return self._inputs[signature]

    def check_names(self, signature: str, names: Collection[str]) -> None:
        """Raise INVALID_ARGUMENT unless ``names`` are the signature's inputs."""
        specs = self.inputs_of(signature)
        if set(names) != specs.keys():
            raise invalid(f"{signature} takes {_names(specs)}; received {_names(names)}")

    def check_inputs(self, signature: str, inputs: Tensors, max_rows: int) -> int:
        """The number of sounds; raises INVALID_ARGUMENT where inputs do not fit the signature."""
        self.check_names(signature, inputs)
        specs = self.inputs_of(signature)
        for name, value in inputs.items():
            _check_tensor(name, value, specs[name])
        counts = {name: len(value) for name, value in inputs.items()}
        if len(set(counts.values())) > 1:
            received = ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))
            raise invalid(f"as many of each input were expected; received {received}")
        rows = next(iter(counts.values()))
        if not 1 <= rows <= max_rows:
            raise invalid(f"1 to {max_rows} sounds in a request were expected; received {rows}")
        return rows

    def with_known_labels(self, inputs: Tensors) -> Tensors:
        """``inputs`` with the model's own labels in the place of users' words such as ``Flöte``.

        Unknown ones are left to the graph, whose message names all labels; it gets the beginning
        of those that are too long for a label.
        """
        if _LABEL not in inputs or not self.labels:
            return inputs
        known = [self._known(label) for label in inputs[_LABEL]]
        return inputs | {_LABEL: np.array(known, object)}

    def _known(self, label: bytes | str) -> bytes | str:
        if len(label) > _MAX_LABEL_BYTES:
            return label[:_MAX_LABEL_BYTES]
        text = label if isinstance(label, str) else label.decode("utf-8", "replace")
        try:
            return self.labels[label_index(text, self.labels)].encode()
        except UserError:
            return label

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Run a signature; raises TensorFlow's own errors."""
        specs = self._inputs[signature]
        tensors = {name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()}
        outputs = self._loaded.signatures[signature](**tensors)
        return {name: output.numpy() for name, output in outputs.items()}


def _array(tensor: TensorProto) -> NDArray[Any]:
    """The tensor of a warm-up request, which holds one sound or a few."""
    size = math.prod(announced_sizes(tensor))
    if size > _WARM_UP_NUMBERS:  # one number in the file can stand for all of them
        raise ValueError(
            f"{size} numbers in a warm-up request; expected {_WARM_UP_NUMBERS} at most"
        )
    array: NDArray[Any] = tf.make_ndarray(tensor)
    return array


def announced_sizes(tensor: TensorProto) -> list[int]:
    """The sizes that a tensor claims to have.

    Raises:
        ValueError: there are more than any tensor has, or none are known.
    """
    shape = tensor.tensor_shape
    if len(shape.dim) > _MAX_DIMENSIONS:
        raise ValueError(
            f"{len(shape.dim):,} dimensions were announced; expected {_MAX_DIMENSIONS} at most"
        )
    sizes = [dimension.size for dimension in shape.dim]
    if shape.unknown_rank or any(size < 0 for size in sizes):
        raise ValueError(f"sizes {shape_text(sizes)} were announced; expected 0 or more")
    return sizes


def shape_text(sizes: Sequence[int]) -> str:
    """The sizes of a tensor in a message, such as ``[2, 5]``; the first ones if they are many."""
    shown = ", ".join(map(str, sizes[:_SHOWN]))
    return f"[{shown}]" if len(sizes) <= _SHOWN else f"[{shown}, …]"


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            tf.as_dtype(info.dtype),
            tuple(dim.size if dim.size >= 0 else None for dim in info.tensor_shape.dim),
        )
        for name, info in tensors.items()
    }


def _check_tensor(name: str, value: NDArray[Any], spec: TensorSpec) -> None:
    is_text = value.dtype.kind in "OSU"
    if (spec.dtype == tf.string) != is_text or (
        not is_text and value.dtype != np.dtype(spec.dtype.as_numpy_dtype)
    ):
        received = "string" if is_text else value.dtype.name
        raise invalid(f"{name} must be {spec.dtype.name}; received {received}")
    fits = len(value.shape) == len(spec.shape) and all(
        wanted in (None, size) for size, wanted in zip(value.shape, spec.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in spec.shape)
        raise invalid(f"{name} must be of shape [{wanted}]; received {shape_text(value.shape)}")


def _names(items: Collection[str]) -> str:
    return " and ".join(sorted(items)) or "nothing"
