"""TensorFlow Serving's REST interface (tensorflow.org/tfx/serving/api_rest), by FastAPI: the JSON
form of tensors, and the endpoints."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, Request, Response
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from grpc import StatusCode
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cargan_tf.serving.server.grpc_service import metadata_response, status_response
from cargan_tf.serving.server.refusals import Refusal, invalid, too_large
from cargan_tf.serving.server.served_model import DEFAULT_SIGNATURE, Tensors, TensorSpec
from cargan_tf.serving.server.service import Service

#: Where TensorFlow Serving has its own, so that one Prometheus configuration does for both.
METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class JsonRequest:
    """A decoded ``:predict`` request.

    Attributes:
        signature: its name.
        inputs: tensors by name.
        by_rows: whether the request had ``instances`` rather than ``inputs``.
    """

    signature: str
    inputs: Tensors
    by_rows: bool


def read_request(body: bytes, inputs_of: Callable[[str], dict[str, TensorSpec]]) -> JsonRequest:
    """Read the body of a ``:predict`` call.

    Raises:
        Refusal: it is not JSON, or not of that form.
    """
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid("the request is not valid JSON") from error
    if not isinstance(values, dict):
        raise invalid("the request must be a JSON object with 'instances' or 'inputs'")
    signature = values.get("signature_name") or DEFAULT_SIGNATURE
    if not isinstance(signature, str):
        raise invalid("'signature_name' must be a string")
    if ("instances" in values) == ("inputs" in values):
        raise invalid("one of 'instances' (rows) and 'inputs' (columns) was expected")
    specs = inputs_of(signature)
    by_rows = "instances" in values
    columns = _columns_of_rows(values["instances"], specs) if by_rows else values["inputs"]
    if len(specs) == 1 and (not isinstance(columns, dict) or columns.keys() == {"b64"}):
        columns = {next(iter(specs)): columns}
    if not isinstance(columns, dict) or columns.keys() != specs.keys():
        raise invalid(f"{signature} takes {' and '.join(sorted(specs))}, neither more nor less")
    inputs = {name: _tensor(name, columns[name], spec) for name, spec in specs.items()}
    return JsonRequest(signature, inputs, by_rows)


def write_answer(outputs: Tensors, by_rows: bool) -> bytes:
    """The body of the answer to a ``:predict`` call."""
    columns = {name: _values(name, value) for name, value in outputs.items()}
    if not by_rows:
        single = next(iter(columns.values())) if len(columns) == 1 else columns
        return json.dumps({"outputs": single}).encode()
    rows: list[Any] = [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    if len(columns) == 1:
        rows = next(iter(columns.values()))
    return json.dumps({"predictions": rows}).encode()


def _columns_of_rows(rows: Any, specs: Mapping[str, TensorSpec]) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or not rows:
        raise invalid("'instances' must be a list with at least one sound")
    if len(specs) == 1:
        (name,) = specs
        rows = [row if _is_named(row, name) else {name: row} for row in rows]
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != specs.keys():
            wanted = " and ".join(sorted(specs))
            raise invalid(f"instance {index} must be an object with {wanted}, and nothing else")
    return {name: [row[name] for row in rows] for name in specs}


def _is_named(row: Any, name: str) -> bool:
    return isinstance(row, dict) and row.keys() == {name}


def _tensor(name: str, values: Any, spec: TensorSpec) -> NDArray[Any]:
    try:
        if spec.dtype == tf.string:
            return _texts(values)
        numbers = np.asarray(values)
    except (ValueError, RecursionError) as error:
        reason = "rows of one length" if spec.dtype != tf.string else "text, or bytes as {'b64': …}"
        raise invalid(f"{name}: {reason} were expected") from error
    if numbers.size and numbers.dtype.kind not in "fiu":
        raise invalid(f"{name}: numbers were expected")
    with np.errstate(over="ignore"):  # becomes infinite, which the graph refuses
        return numbers.astype(spec.dtype.as_numpy_dtype)


def _texts(values: Any) -> NDArray[Any]:
    texts = np.array(_bytes_of(values), object)
    if not all(isinstance(text, bytes) for text in texts.flat):
        raise ValueError("lists of several lengths")
    return texts


def _bytes_of(value: Any) -> Any:
    """Nested lists of text or ``{"b64": …}`` as nested lists of bytes."""
    if isinstance(value, list):
        return [_bytes_of(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str):
        return _decoded(value["b64"])
    raise ValueError(value)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def _values(name: str, value: NDArray[Any]) -> list[Any]:
    if value.dtype.kind != "O":
        return value.tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in value]
    return [item.decode("utf-8", "replace") for item in value]


def rest_app(service: Service) -> FastAPI:
    """The application; without pages of its own, as FastAPI's load scripts from elsewhere."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _failed)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(METRICS_PATH)
    async def metrics() -> Response:
        return Response(service.metrics.page(), media_type="text/plain")

    @app.post("/v1/models/{name}/versions/{version:int}:predict")
    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request) -> Response:
        async with service.request("rest"):
            _check_model(service, request)
            body = await _body(request, service.limits.request_bytes)
            _check_parts(body, service.limits.json_parts)
            asked = await run_in_threadpool(read_request, body, service.model.inputs_of)
            outputs = await service.predict(asked.signature, asked.inputs)
            answer = await run_in_threadpool(write_answer, outputs, asked.by_rows)
            return Response(answer, media_type="application/json")

    @app.get("/v1/models/{name}/versions/{version:int}/metadata")
    @app.get("/v1/models/{name}/metadata")
    async def metadata(request: Request) -> Response:
        _check_model(service, request)
        return _protobuf(metadata_response(service.model))

    @app.get("/v1/models/{name}/versions/{version:int}")
    @app.get("/v1/models/{name}")
    async def status(request: Request) -> Response:
        _check_model(service, request)
        return _protobuf(status_response(service.model))

    return app


def _check_model(service: Service, request: Request) -> None:
    service.model.check_model(request.path_params["name"], request.path_params.get("version"))


def _check_parts(body: bytes, limit: int) -> None:
    """Refuse what would take many times its size in memory once it is parsed."""
    if body.count(b"[") + body.count(b"{") > limit:
        raise invalid(f"the request holds more than {limit} lists and objects")


async def _body(request: Request, limit: int) -> bytes:
    """The body, if it is neither announced nor found to be larger than ``limit``."""
    if int(request.headers.get("content-length", 0)) > limit:
        raise too_large(limit)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise too_large(limit)
    except ClientDisconnect as error:
        raise Refusal(StatusCode.CANCELLED, "the client went away") from error
    return bytes(body)


def _protobuf(message: Message) -> Response:
    text = MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return Response(text, media_type="application/json")


def _error(status: int, message: str) -> Response:
    return Response(json.dumps({"error": message}), status, media_type="application/json")


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return _error(refusal.http_status, str(refusal))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, str(error.detail))
