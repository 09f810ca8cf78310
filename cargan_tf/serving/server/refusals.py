"""Refused requests: one status code for REST and gRPC, and a line for the client."""

from __future__ import annotations

from typing import Final

import tensorflow as tf
from grpc import StatusCode

from cargan_tf.errors import one_line, plain_message

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


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        code: the gRPC status.
        http_status: the HTTP status of the same meaning, or a more precise one.
    """

    def __init__(self, code: StatusCode, message: str, http_status: int | None = None) -> None:
        super().__init__(one_line(message[:_MESSAGE_LENGTH]))
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
    if isinstance(error, tf.errors.InvalidArgumentError):
        return invalid(plain_message(error.message))
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return Refusal(StatusCode.RESOURCE_EXHAUSTED, "not enough memory; send fewer sounds")
    return Refusal(StatusCode.INTERNAL, "the model failed")
