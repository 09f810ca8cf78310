"""TensorFlow Serving's REST interface (tensorflow.org/tfx/serving/api_rest), by FastAPI: the JSON
form of tensors, and the endpoints."""

from __future__ import annotations

import base64
import itertools
import json
import re
import zlib
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
#: Characters of a text, and names of an object, that a message shows.
_SHOWN, _NAMED = 40, 4
#: JSON has whole numbers of any size; NumPy's end here.
_WHOLE_NUMBERS = 2**63
_GZIP = b"\x1f\x8b"
#: Encodings of one body, and members of one gzip file: the rest is copied for each.
_MAX_ENCODINGS, _MAX_MEMBERS = 2, 16
#: TensorFlow Serving's versions are 64-bit numbers.
_VERSION = re.compile(r"[0-9]{1,19}")
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_FROM_URL_SAFE = str.maketrans("-_", "+/")
#: How bodies begin that are no JSON, and what they are.
_OTHER_BODIES = {
    _GZIP: "gzip; say so with Content-Encoding: gzip",
    b"RIFF": "a WAV file; send it as base64: {'b64': …}",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3": "an MP3 file",
    b"PK\x03\x04": "a ZIP archive",
    b"--": "a form (multipart/form-data)",
    b"<": "XML or HTML",
}


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
        raise invalid(f"the request is not valid JSON: {_described(body, error)}") from error
    if not isinstance(values, dict):
        raise invalid(
            "the request must be a JSON object with 'instances' or 'inputs'; received"
            f" {_kind(values)}"
        )
    signature = values.get("signature_name") or DEFAULT_SIGNATURE
    if not isinstance(signature, str):
        raise invalid("'signature_name' must be a string")
    if ("instances" in values) == ("inputs" in values):
        received = ", ".join(map(repr, values)) or "an empty object"
        raise invalid(
            f"one of 'instances' (rows) and 'inputs' (columns) was expected; received {received}"
        )
    specs = inputs_of(signature)
    by_rows = "instances" in values
    columns = _columns_of_rows(values["instances"], specs) if by_rows else values["inputs"]
    if len(specs) == 1 and (not isinstance(columns, dict) or columns.keys() == {"b64"}):
        columns = {next(iter(specs)): columns}
    if not isinstance(columns, dict) or columns.keys() != specs.keys():
        received = " and ".join(sorted(columns)) if isinstance(columns, dict) else _kind(columns)
        wanted = " and ".join(sorted(specs))
        raise invalid(
            f"{signature} takes {wanted}, neither more nor less; received {received or 'nothing'}"
        )
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
            received = " and ".join(row) if isinstance(row, dict) else _kind(row)
            raise invalid(
                f"instance {index} must be an object with {wanted}, and nothing else; received"
                f" {received or 'an empty object'}"
            )
    return {name: [row[name] for row in rows] for name in specs}


def _is_named(row: Any, name: str) -> bool:
    return isinstance(row, dict) and row.keys() == {name}


def _tensor(name: str, values: Any, spec: TensorSpec) -> NDArray[Any]:
    if spec.dtype == tf.string:
        try:
            return _texts(values)
        except (ValueError, RecursionError) as error:
            raise invalid(
                f"{name}: text, or bytes as {{'b64': …}} were expected; received {error}"
            ) from error
    try:
        numbers = np.asarray(values)
    except (ValueError, RecursionError) as error:
        raise invalid(f"{name}: rows of one length were expected; {_lengths(values)}") from error
    if numbers.size and numbers.dtype.kind not in "fiu":
        raise invalid(f"{name}: numbers were expected; received {_first_other(values)}")
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
    raise ValueError(_kind(value))


def _decoded(text: str) -> bytes:
    """The bytes of base64: standard or URL-safe, padded or not, in lines, or as a data URL.

    Raises:
        ValueError: it is none; the message says where.
    """
    begin = match.end() if (match := _DATA_URL.match(text)) else 0
    letters = "".join(text[begin:].split()).rstrip("=").translate(_FROM_URL_SAFE)
    if (other := _NOT_BASE64.search(letters)) is not None:
        raise ValueError(f"no base64: {other[0]!r} at character {other.start()}")
    if len(letters) % 4 == 1:
        raise ValueError(f"base64 that is cut off: {len(letters)} characters")
    return base64.b64decode(letters + "=" * (-len(letters) % 4))


def _kind(value: Any) -> str:
    """What a JSON value is, in a few words."""
    if isinstance(value, str):
        return f"the text {value[:_SHOWN]!r}{'…' if len(value) > _SHOWN else ''}"
    if isinstance(value, dict):
        names = ", ".join(repr(name[:_SHOWN]) for name in list(value)[:_NAMED])
        return f"an object with {names}" if names else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return f"the number {value:g}" if isinstance(value, float) else "a whole number"


def _first_other(values: Any) -> str:
    """What the first value is that is no number, in nested lists."""
    if isinstance(values, list):
        others = (_first_other(item) for item in values)
        return next((other for other in others if other), "")
    is_number = isinstance(values, int | float) and not isinstance(values, bool)
    return "" if is_number and abs(values) < _WHOLE_NUMBERS else _kind(values)


def _lengths(values: Any) -> str:
    lengths = {len(row) if isinstance(row, list) else 1 for row in values}
    shown = " and ".join(map(str, sorted(lengths)[:_NAMED]))
    return f"received rows of {shown} numbers"


def _described(body: bytes, error: Exception) -> str:
    """What the body of a request is that is no JSON."""
    if not body.strip():
        return "the body is empty"
    for start, what in _OTHER_BODIES.items():
        if body.startswith(start):
            return f"the body is {what}"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return "its text is not UTF-8" if isinstance(error, UnicodeError) else "nested or long values"


def decompressed(body: bytes, encodings: str, limit: int) -> bytes:
    """The body of a request as its ``Content-Encoding`` says.

    Args:
        body: as it came.
        encodings: the header: gzip, deflate, identity, or several with commas.
        limit: bytes that the result may have.

    Raises:
        Refusal: another encoding, a body that is not of it, or too much in it.
    """
    words = [word.strip().lower() for word in encodings.split(",")]
    named = [word for word in words if word not in ("", "identity")]
    if len(named) > _MAX_ENCODINGS:
        raise invalid(
            f"{len(named)} encodings in Content-Encoding were received; expected at most"
            f" {_MAX_ENCODINGS}"
        )
    for encoding in reversed(named):
        if encoding not in ("gzip", "x-gzip", "deflate"):
            message = f"Content-Encoding {encoding} was received; expected gzip, deflate or none"
            raise Refusal(StatusCode.INVALID_ARGUMENT, message, http_status=415)
        try:
            body = _inflated(body, limit)
        except zlib.error as error:
            raise invalid(
                f"Content-Encoding {encoding} was announced; the body is none, or damaged"
            ) from error
    return body


def _inflated(body: bytes, limit: int) -> bytes:
    """The content of gzip (some members), of zlib's form, or of deflate without one."""
    is_bare = body[:2] != _GZIP and (body[:1] != b"x" or int.from_bytes(body[:2]) % 31)
    found = bytearray()
    for member in itertools.count(1):
        if not body:
            break
        if member > _MAX_MEMBERS:
            raise invalid(f"a body of {_MAX_MEMBERS} compressed members at most was expected")
        reader = zlib.decompressobj(-zlib.MAX_WBITS if is_bare else zlib.MAX_WBITS | 32)
        found += reader.decompress(body, limit + 1 - len(found))
        if len(found) > limit or reader.unconsumed_tail:
            raise too_large(limit)
        if not reader.eof:
            raise zlib.error("cut off")
        body = reader.unused_data
    return bytes(found)


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

    @app.post("/v1/models/{name}/versions/{version}:predict")
    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request) -> Response:
        async with service.request("rest"):
            _check_model(service, request)
            limit = service.limits.request_bytes
            body = await _body(request, limit)
            encodings = request.headers.get("content-encoding", "")
            body = await run_in_threadpool(decompressed, body, encodings, limit)
            _check_parts(body, service.limits.json_parts)
            asked = await run_in_threadpool(read_request, body, service.model.inputs_of)
            outputs = await service.predict(asked.signature, asked.inputs)
            answer = await run_in_threadpool(write_answer, outputs, asked.by_rows)
            return Response(answer, media_type="application/json")

    @app.get("/v1/models/{name}/versions/{version}/metadata")
    @app.get("/v1/models/{name}/metadata")
    async def metadata(request: Request) -> Response:
        _check_model(service, request)
        return _protobuf(metadata_response(service.model))

    @app.get("/v1/models/{name}/versions/{version}")
    @app.get("/v1/models/{name}")
    async def status(request: Request) -> Response:
        _check_model(service, request)
        return _protobuf(status_response(service.model))

    return app


def _check_model(service: Service, request: Request) -> None:
    version = request.path_params.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        raise Refusal(
            StatusCode.NOT_FOUND, f"{version[:_SHOWN]!r} is no version; expected a number"
        )
    service.model.check_model(
        request.path_params["name"], None if version is None else int(version)
    )


def _check_parts(body: bytes, limit: int) -> None:
    """Refuse what would take many times its size in memory once it is parsed."""
    if body.count(b"[") + body.count(b"{") + body.count(b'"') // 2 > limit:
        raise invalid(f"the request holds more than {limit} lists, objects and texts")


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
