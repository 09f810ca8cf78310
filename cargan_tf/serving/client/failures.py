"""What can go wrong with a server, told to whoever asked it."""

from __future__ import annotations

from cargan_tf.errors import UserError
from cargan_tf.serving.address import GRPC_PORT, REST_PORT, Address


def no_server(address: Address) -> UserError:
    """Nobody listens, or not to this."""
    return UserError(
        f"no server answers at {address.scheme}://{address.place}. Is it running ('cargan serve'"
        f" starts one), and is the port right? REST is usually on {REST_PORT}, gRPC on {GRPC_PORT}."
    )


def not_serving(address: Address) -> UserError:
    """Something else listens."""
    return UserError(
        f"what answers at {address.scheme}://{address.place} is no TensorFlow Serving of this"
        " interface: check host and port, and write grpc:// before a gRPC port."
    )


def no_model(address: Address, told: str) -> UserError:
    """The server has another one."""
    return UserError(
        f"no model {address.model!r} at {address.place} ({told}). Write its name behind the"
        f" address: {address.scheme}://{address.place}/NAME."
    )


def no_card(address: Address) -> UserError:
    """The model there does not describe itself as this project's do."""
    return UserError(
        f"the model {address.model!r} at {address.place} was not exported by this project, or by"
        " another version of it: serve one that 'cargan export' wrote."
    )


def too_late(address: Address, seconds: float) -> UserError:
    """It takes longer than the client waits."""
    return UserError(
        f"the server at {address.place} did not answer within {seconds:g} s: it is overloaded, or"
        " the model is large. Try again, with a longer time-out or fewer sounds at once."
    )


def busy(address: Address) -> UserError:
    """It turned the request away, again and again."""
    return UserError(f"the server at {address.place} is too busy: try again later.")


def refused(address: Address, told: str) -> UserError:
    """It says what it does not like."""
    return UserError(f"the server at {address.place} refused: {told}")
