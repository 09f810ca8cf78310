"""Parse and print a server address: ``[scheme://]host:port[/model]``."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cargan_tf.errors import UserError

#: What a model is called where nothing else is said: by `cargan serve`, in deploy/, by clients.
MODEL_NAME: Final = "cargan"
#: Default host of this project's servers: only this machine reaches them.
LOOPBACK: Final = "127.0.0.1"
#: TensorFlow Serving's default ports.
REST_PORT: Final = 8501
GRPC_PORT: Final = 8500
SCHEMES: Final = {"http": REST_PORT, "https": REST_PORT, "grpc": GRPC_PORT, "grpcs": GRPC_PORT}


@dataclass(frozen=True)
class Address:
    """A model on a server."""

    scheme: str  # a key of SCHEMES; those that end in s are encrypted
    host: str
    port: int
    model: str

    @property
    def speaks_grpc(self) -> bool:
        """Whether it is gRPC, else REST."""
        return self.scheme.startswith("grpc")

    @property
    def encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.scheme.endswith("s")

    @property
    def endpoint(self) -> str:
        """``host:port``."""
        return host_and_port(self.host, self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.endpoint}/{self.model}"


def host_and_port(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that has its address, but does not listen yet.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def parse_address(text: str) -> Address:
    """Read ``[http|https|grpc|grpcs://]HOST[:PORT][/MODEL]``.

    Without a scheme it is REST; without a port that of TensorFlow Serving.

    Raises:
        UserError: it is not of that form.
    """
    expected = (
        f"no server address: {text!r}. Expected host:port, such as localhost:{REST_PORT} for REST"
        f" or grpc://localhost:{GRPC_PORT}, with /NAME behind it where the model is not"
        f" called {MODEL_NAME}."
    )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise UserError(expected) from error
    model = parts.path.strip("/")
    extra = parts.query or parts.fragment or parts.username or parts.password or "/" in model
    if parts.scheme not in SCHEMES or not parts.hostname or extra:
        raise UserError(expected)
    if port is None:
        port = SCHEMES[parts.scheme]
    return Address(parts.scheme, parts.hostname, port, model or MODEL_NAME)
