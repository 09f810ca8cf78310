"""The messages of tensorflow-serving-api, to tensors and from them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusResponse,
    ModelVersionStatus,
)
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from cargan_tf.serving.server.failures import invalid
from cargan_tf.serving.server.model import ServedModel, Tensors


def tensors_of(request: PredictRequest, max_bytes: int) -> Tensors:
    """The inputs of a request.

    Raises:
        Refusal: an input is damaged, or of more than ``max_bytes``; a message of some bytes can
            claim any shape.
    """
    return {name: _tensor(name, value, max_bytes) for name, value in request.inputs.items()}


def predict_response(
    model: ServedModel, signature: str, outputs: Tensors, wanted: Iterable[str]
) -> PredictResponse:
    """The answer; ``wanted`` are the names of the outputs in it, all where there are none."""
    names = list(wanted) or list(outputs)
    unknown = [name for name in names if name not in outputs]
    if unknown:
        known = ", ".join(sorted(outputs))
        raise invalid(f"no output {unknown[0]} of {signature}; there are {known}")
    response = PredictResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = signature
    for name in names:
        response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
    return response


def metadata_response(model: ServedModel) -> GetModelMetadataResponse:
    """The model's signatures."""
    signatures = SignatureDefMap()
    for name, signature in model.signature_defs.items():
        signatures.signature_def[name].CopyFrom(signature)
    response = GetModelMetadataResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def status_response(model: ServedModel) -> GetModelStatusResponse:
    """The one version, which is there."""
    version = ModelVersionStatus(version=model.version, state=ModelVersionStatus.State.AVAILABLE)
    version.status.SetInParent()
    return GetModelStatusResponse(model_version_status=[version])


def _tensor(name: str, value: TensorProto, max_bytes: int) -> np.ndarray:
    sizes = [dim.size for dim in value.tensor_shape.dim]
    try:
        dtype = tf.as_dtype(value.dtype)
        if value.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
            raise ValueError(sizes)
        if math.prod(sizes) * max(dtype.size, 1) > max_bytes:
            raise invalid(f"{name} of shape {sizes} is too large; the limit is {max_bytes} bytes")
        array: np.ndarray = tf.make_ndarray(value)
    except (TypeError, ValueError) as error:
        raise invalid(f"{name} is no whole tensor: {sizes} values were announced") from error
    return array
