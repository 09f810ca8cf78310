"""Limits of the server; refusals: one status code for REST and gRPC, and a line for the client."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from grpc import StatusCode

from cargan_tf.errors import UserError
from cargan_tf.serving.address import plain_message

if TYPE_CHECKING:
    import tensorflow as tf

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


#: As TensorFlow Serving maps them.
HTTP_STATUS: Final = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.NOT_FOUND: 404,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}
#: Characters: a message may hold what a client sent.
_MESSAGE_LENGTH: Final = 1_000


def check_dependencies() -> None:
    """Raise ``UserError`` unless the ``serve`` extra is installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"cargan serve needs {', '.join(missing)}: pip install 'cargan-tf[serve]'.")


@dataclass(frozen=True)
class Limits:
    """Limits of each request, and of all at once.

    Attributes:
        request_bytes: size of a request's body; 16 MB hold 3 minutes of 44.1 kHz 16-bit WAV, or
            30 half-seconds as JSON numbers.
        rows: sounds in one request.
        seconds: for a request, from its first byte to the answer; then it is cancelled.
        requests: running or waiting at the same time; further ones are rejected.
        batch: sounds in one batch of the model.
        wait_seconds: how long the first request of a batch waits for others.
    """

    request_bytes: int = 16 * 1024 * 1024
    rows: int = 64
    seconds: float = 60.0
    requests: int = 128
    batch: int = 16
    wait_seconds: float = 0.005


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        code: the gRPC status.
        http_status: the HTTP status of the same meaning, or a more precise one.
    """

    def __init__(self, code: StatusCode, message: str, http_status: int | None = None) -> None:
        super().__init__(message[:_MESSAGE_LENGTH])
        self.code = code
        self.http_status = http_status or HTTP_STATUS[code]


def invalid(message: str) -> Refusal:
    """The request is not valid."""
    return Refusal(StatusCode.INVALID_ARGUMENT, message)


def too_large(limit: int) -> Refusal:
    """The request is larger than ``limit`` bytes; gRPC itself answers the same way."""
    message = f"the request is larger than {limit} bytes"
    return Refusal(StatusCode.RESOURCE_EXHAUSTED, message, http_status=413)


def refusal_of(error: tf.errors.OpError) -> Refusal:
    """What the graph refused; the details of any other failure stay in the server's log."""
    import tensorflow as tf  # here, as `cargan serve --help` reads the limits above

    if isinstance(error, tf.errors.InvalidArgumentError):
        return invalid(plain_message(error.message))
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return Refusal(StatusCode.RESOURCE_EXHAUSTED, "not enough memory; send fewer sounds")
    return Refusal(StatusCode.INTERNAL, "the model failed")
