"""The trained model as others use it: a SavedModel, and the client of a server that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cargan_tf.serving.client.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from cargan_tf.serving.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
