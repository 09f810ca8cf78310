"""TensorFlow Serving's REST interface (tensorflow.org/tfx/serving/api_rest), by FastAPI."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request, Response
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from grpc import StatusCode
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cargan_tf.serving.server.grpc_service import metadata_response, status_response
from cargan_tf.serving.server.json_tensors import read_request, write_answer
from cargan_tf.serving.server.refusals import Refusal, too_large
from cargan_tf.serving.server.service import Service

#: Where TensorFlow Serving has its own, so that one Prometheus configuration does for both.
METRICS_PATH = "/monitoring/prometheus/metrics"


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
