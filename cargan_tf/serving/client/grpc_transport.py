"""To a server by TensorFlow Serving's gRPC interface, on the stubs of tensorflow-serving-api."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from cargan_tf.errors import UserError, plain_message
from cargan_tf.serving.address import Address
from cargan_tf.serving.client.client import (
    busy,
    no_model,
    no_server,
    not_serving,
    refused,
    too_late,
)

_SERVICE: Final = "tensorflow.serving.PredictionService"
#: gRPC itself makes no more attempts than these.
_MOST_ATTEMPTS: Final = 5
_REFUSALS: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
)


class GrpcTransport:
    """One channel; gRPC itself connects, and sends again."""

    def __init__(self, address: Address, timeout: float, retries: int) -> None:
        self._address, self._timeout = address, timeout
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.service_config", json.dumps(_service_config(retries))),
        ]
        self._channel = (
            grpc.secure_channel(address.endpoint, grpc.ssl_channel_credentials(), options)
            if address.encrypted
            else grpc.insecure_channel(address.endpoint, options)
        )
        self._stub = PredictionServiceStub(self._channel)

    def close(self) -> None:
        """Give the connection up."""
        self._channel.close()

    def predict(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Call a signature; raises ``UserError``, see ``Client.predict``."""
        request = PredictRequest()
        request.model_spec.name = self._address.model
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        request.output_filter.extend(outputs)
        try:
            response = self._stub.Predict(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._failure(error) from error
        try:  # an output that is not there is an empty message, of no type
            return {name: tf.make_ndarray(response.outputs[name]) for name in outputs}
        except (TypeError, ValueError) as error:
            raise not_serving(self._address) from error

    def _failure(self, error: Any) -> UserError:
        code, full_message = error.code(), plain_message(error.details() or "")
        if code == grpc.StatusCode.NOT_FOUND:
            return no_model(self._address, full_message)
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return too_late(self._address, self._timeout)
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
            too_large = "larger than max" in full_message  # gRPC's words for it
            return refused(self._address, full_message) if too_large else busy(self._address)
        if code == grpc.StatusCode.UNAVAILABLE:
            return no_server(self._address)
        return (
            refused(self._address, full_message)
            if code in _REFUSALS
            else not_serving(self._address)
        )


def _service_config(retries: int) -> dict[str, Any]:
    method: dict[str, Any] = {"name": [{"service": _SERVICE}]}
    if retries:
        method["retryPolicy"] = {
            "maxAttempts": min(_MOST_ATTEMPTS, 1 + retries),
            "initialBackoff": "0.2s",
            "maxBackoff": "5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
        }
    return {"methodConfig": [method]}
