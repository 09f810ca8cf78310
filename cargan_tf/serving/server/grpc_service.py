"""TensorFlow Serving's gRPC interface, on the stubs of tensorflow-serving-api."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelVersionStatus,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from cargan_tf.serving.server.refusals import Refusal, invalid
from cargan_tf.serving.server.served_model import (
    DEFAULT_SIGNATURE,
    ServedModel,
    Tensors,
    announced_sizes,
    shape_text,
)
from cargan_tf.serving.server.service import Service

#: What a string of no letters takes in memory: an object, and its place in a list and an array.
_STRING_BYTES: Final = 64
#: Calls that may be open, times those that are answered at once: the others' messages are still on
#: the way, and ``Service`` turns them away in its own words.
_OPEN_CALLS: Final = 4


def tensors_of(request: PredictRequest, max_bytes: int) -> Tensors:
    """The inputs of a request.

    Raises:
        Refusal: an input is damaged, or all have more than ``max_bytes``; a message of some bytes
            can claim any shape.
    """
    announced = 0
    for name, value in request.inputs.items():
        announced += _announced_bytes(name, value)
        if announced > max_bytes:
            shape = shape_text(announced_sizes(value))
            raise invalid(f"{name} of shape {shape} is too large; the limit is {max_bytes} bytes")
    return {name: _tensor(name, value) for name, value in request.inputs.items()}


def predict_response(
    model: ServedModel, signature: str, outputs: Tensors, wanted: Iterable[str]
) -> PredictResponse:
    """The answer; ``wanted`` are the names of the outputs in it, all where there are none."""
    names = list(dict.fromkeys(wanted)) or list(outputs)  # a name a million times is one output
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


def _announced_bytes(name: str, value: TensorProto) -> int:
    """What the tensor of an input takes in memory."""
    try:
        dtype = tf.as_dtype(value.dtype)
        return math.prod(announced_sizes(value)) * (dtype.size or _STRING_BYTES)
    except (TypeError, ValueError) as error:
        raise invalid(f"{name} is no whole tensor: {error}") from error


def _tensor(name: str, value: TensorProto) -> np.ndarray:
    try:
        array: np.ndarray = tf.make_ndarray(value)
    except (TypeError, ValueError) as error:
        shape = shape_text(announced_sizes(value))
        raise invalid(f"{name} is no whole tensor: {shape} values were announced") from error
    return array


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other calls are answered UNIMPLEMENTED."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def Predict(
        self, request: PredictRequest, context: grpc.aio.ServicerContext
    ) -> PredictResponse:
        """Run a signature."""
        async with _abort_on_refusal(context), self._service.request("grpc"):
            _check_model(self._service, request.model_spec)
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            # Before anything is made of them.
            self._service.model.check_names(signature, request.inputs.keys())
            limit = self._service.limits.request_bytes
            inputs = await asyncio.to_thread(tensors_of, request, limit)
            outputs = await self._service.predict(signature, inputs)
            return predict_response(self._service.model, signature, outputs, request.output_filter)

    async def GetModelMetadata(
        self, request: GetModelMetadataRequest, context: grpc.aio.ServicerContext
    ) -> GetModelMetadataResponse:
        """The signatures."""
        async with _abort_on_refusal(context):
            _check_model(self._service, request.model_spec)
            if list(request.metadata_field) != ["signature_def"]:
                raise invalid("metadata_field must be signature_def")
            return metadata_response(self._service.model)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def GetModelStatus(
        self, request: GetModelStatusRequest, context: grpc.aio.ServicerContext
    ) -> GetModelStatusResponse:
        """The one version, which is there."""
        async with _abort_on_refusal(context):
            _check_model(self._service, request.model_spec)
            return status_response(self._service.model)


def grpc_server(service: Service, address: str) -> tuple[Any, int]:
    """A server that is not started yet, and the port it took at ``host:port``.

    To be called in the event loop that will run it.

    Raises:
        RuntimeError: the address is in use, or not this machine's.
    """
    limits = service.limits
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.request_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # a port that is taken must be an error
        ],
        maximum_concurrent_rpcs=_OPEN_CALLS * limits.requests,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(service), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(service), server)
    return server, server.add_insecure_port(address)


@asynccontextmanager
async def _abort_on_refusal(context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
    """Abort the call with the status of a ``Refusal`` raised inside."""
    try:
        yield
    except Refusal as refusal:
        await context.abort(refusal.code, str(refusal))


def _check_model(service: Service, spec: ModelSpec) -> None:
    if spec.version_label:
        raise invalid("versions have numbers here, no labels")
    version = spec.version.value if spec.HasField("version") else None
    service.model.check_model(spec.name, version)
