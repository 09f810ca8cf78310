"""Limits of the server: body size, items per request, requests at once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from cargan_tf.errors import UserError

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def check_dependencies() -> None:
    """Raise ``UserError`` unless the ``serve`` extra is installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"cargan serve needs {', '.join(missing)}: pip install 'cargan-tf[serve]'.")


@dataclass(frozen=True)
class Limits:
    """What a request may cost, and how many there may be.

    Attributes:
        request_bytes: of a request's body; 16 MB hold 3 minutes of 44.1 kHz 16-bit WAV, or 30
            half-seconds as JSON numbers.
        rows: sounds in one request.
        seconds: for a request, from its first byte to the answer; what takes longer is given up.
        requests: at work or waiting at once; more are turned away.
        batch: sounds drawn at once.
        wait_seconds: that the first of a batch waits for others.
    """

    request_bytes: int = 16 * 1024 * 1024
    rows: int = 64
    seconds: float = 60.0
    requests: int = 128
    batch: int = 16
    wait_seconds: float = 0.005
