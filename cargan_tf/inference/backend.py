"""What runs a model: ONNX Runtime or TensorFlow, and loading a model for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata, read_metadata
from cargan_tf.export.model_registry import newest_version
from cargan_tf.export.onnx_model import MODEL_FILE, OnnxModel

LocalBackend: TypeAlias = Literal["onnxruntime", "tensorflow"]
#: Also that of a model on a server.
Backend: TypeAlias = LocalBackend | Literal["server"]
#: Environment variable that selects a backend.
BACKEND_VARIABLE: Final = "CARGAN_BACKEND"


def backend_for(folder: Path, wanted: str | None = None) -> LocalBackend:
    """What runs the model in a folder.

    ONNX Runtime starts faster and takes less memory; TensorFlow also runs a run's checkpoint, and
    exports without ``model.onnx``.

    Args:
        folder: an exported version, a folder of versions, or a run.
        wanted: a backend; by default the value of ``CARGAN_BACKEND``.

    Raises:
        UserError: there is no such backend, or it cannot run the model.
    """
    wanted = wanted or os.environ.get(BACKEND_VARIABLE) or None
    version = newest_version(folder)
    has_onnx = version is not None and (version / MODEL_FILE).is_file()
    if wanted is None:
        return "onnxruntime" if has_onnx else "tensorflow"
    for backend in get_args(LocalBackend):
        if wanted == backend == "onnxruntime" and not has_onnx:
            raise UserError(
                f"{folder} has no {MODEL_FILE}, which ONNX Runtime needs: export it with 'cargan"
                f" export', or set {BACKEND_VARIABLE}=tensorflow."
            )
        if wanted == backend:
            return backend
    known = " or ".join(get_args(LocalBackend))
    raise UserError(f"received the backend {wanted!r} ({BACKEND_VARIABLE}); expected {known}.")


def open_model(folder: Path, wanted: str | None = None) -> tuple[Any, ModelMetadata, LocalBackend]:
    """The model in a folder, its metadata and what runs it; arguments as of ``backend_for``.

    The model has ``generate_soft_labels`` and ``recognize`` of ``ServingModule``.

    Raises:
        UserError: as ``backend_for``, or the model is damaged or refused.
    """
    backend = backend_for(folder, wanted)
    version = newest_version(folder)
    if version is None:
        from cargan_tf.export.saved_model import serving_module_of_run
        from cargan_tf.training.run import Run

        return (*serving_module_of_run(Run(folder)), backend)
    metadata = read_metadata(version)
    if backend == "onnxruntime":
        return OnnxModel(version, metadata), metadata, backend
    from cargan_tf.export.op_allowlist import load_exported

    model, _ = load_exported(version)
    return model, metadata, backend
