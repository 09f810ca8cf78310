"""Limits of the server, and the packages that it needs; `--help` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from cargan_tf.errors import UserError, install_hint

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def check_dependencies() -> None:
    """Raise ``UserError`` unless the ``serve`` extra is installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"cargan serve needs {', '.join(missing)}: {install_hint('serve')}.")


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
        head_seconds: until the head of a request must have arrived; then the connection is closed.
        json_parts: lists, objects and texts in a request, each of which takes 50 bytes or more; a
            sound of numbers is one list.
    """

    request_bytes: int = 16 * 1024 * 1024
    rows: int = 64
    seconds: float = 60.0
    requests: int = 128
    batch: int = 16
    wait_seconds: float = 0.005
    head_seconds: float = 20.0
    json_parts: int = 10_000
