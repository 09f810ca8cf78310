"""Starting the server, and stopping it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from cargan_tf.errors import UserError, counted
from cargan_tf.serving.address import (
    GRPC_PORT,
    LOOPBACK,
    MODEL_NAME,
    REST_PORT,
    host_and_port,
    listening_socket,
)
from cargan_tf.serving.allowed_hosts import AllowedHosts, is_loopback
from cargan_tf.serving.connections import PatientProtocol, most_connections
from cargan_tf.serving.server.grpc_service import grpc_server
from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.rest import rest_app
from cargan_tf.serving.server.served_model import ServedModel
from cargan_tf.serving.server.service import Service
from cargan_tf.utils.progress import Reporter, SilentReporter

#: Connections that may wait to be accepted; the system may allow fewer.
BACKLOG: Final = 4096
#: Longer than clients pause between requests, so that none writes to a connection being closed.
KEEP_ALIVE_SECONDS: Final = 75


@dataclass(frozen=True)
class Endpoint:
    """Where the server listens; port 0 is any that is free.

    Attributes:
        allow_hosts: names by which requests may call it, besides this machine's own.
    """

    host: str = LOOPBACK
    rest_port: int = REST_PORT
    grpc_port: int = GRPC_PORT
    allow_hosts: tuple[str, ...] = ()


def serve(
    folder: Path,
    name: str = MODEL_NAME,
    endpoint: Endpoint | None = None,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> None:
    """Answer requests until SIGTERM or Ctrl-C; requests in flight are still answered.

    Args:
        folder: an exported version, or a folder of them (the highest is taken).
        name: under which clients ask for the model.
        endpoint: where to listen, this machine alone by default.
        limits: what a request may cost.
        reporter: receives the endpoints once the server listens.

    Raises:
        UserError: there is no model, or a port is taken.
    """
    endpoint = endpoint or Endpoint()
    with bound(endpoint.host, endpoint.rest_port) as rest_socket:
        service = Service(ServedModel.load(folder, name), limits or Limits())
        Server(service, rest_socket, endpoint, reporter).run()


class Server:
    """REST and gRPC before one service.

    Attributes:
        ports: those of REST and gRPC, once ``run`` listens.
    """

    def __init__(
        self,
        service: Service,
        rest_socket: socket.socket,
        endpoint: Endpoint,
        reporter: Reporter | None = None,
    ) -> None:
        """``rest_socket`` is bound to the host and REST port of ``endpoint``."""
        self._service, self._endpoint = service, endpoint
        self._rest_socket = rest_socket
        self._reporter = reporter or SilentReporter()
        config = uvicorn.Config(
            AllowedHosts(rest_app(service), endpoint.host, endpoint.allow_hosts),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            http=PatientProtocol.of(service.limits.head_seconds, most_connections()),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=round(service.limits.seconds),
        )
        self._rest = _RestServer(config)

    def run(self) -> None:
        """Answer until ``stop``, SIGTERM or Ctrl-C, which only the main thread receives.

        Raises:
            UserError: gRPC's port is taken.
        """
        asyncio.run(self._run())

    def stop(self) -> None:
        """End ``run``, from another thread, once requests in flight are answered."""
        self._rest.should_exit = True

    async def _run(self) -> None:
        host = self._endpoint.host
        try:
            grpc, grpc_port = grpc_server(
                self._service, host_and_port(host, self._endpoint.grpc_port)
            )
        except RuntimeError as error:
            raise _taken(host, self._endpoint.grpc_port) from error
        self._service.batcher.start()
        await grpc.start()
        try:
            self._rest_socket.listen(BACKLOG)
            self.ports = (self._rest_socket.getsockname()[1], grpc_port)
            for line in _welcome(self._service.model, host, *self.ports):
                self._reporter.message(line)
            await self._rest.serve(sockets=[self._rest_socket])
        finally:
            await grpc.stop(grace=self._service.limits.seconds)
            await self._service.batcher.close()


class _RestServer(uvicorn.Server):
    """uvicorn, but a signal is the end of the work and not of the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bound(host: str, port: int) -> socket.socket:
    """A socket that has its address, but does not listen before there is a model.

    Raises:
        UserError: the address is taken, or not this machine's.
    """
    try:
        return listening_socket(host, port)
    except OSError as error:
        raise _taken(host, port) from error


def _welcome(model: ServedModel, host: str, rest_port: int, grpc_port: int) -> Iterator[str]:
    yield (
        f"Serving {model.title}, version {model.version}, as '{model.name}', for local testing;"
        " Ctrl-C stops."
    )
    yield f"  REST  http://{host_and_port(host, rest_port)}/v1/models/{model.name}:predict"
    yield f"  gRPC  {host_and_port(host, grpc_port)}"
    yield f"  {counted(len(model.labels), 'label')}: {', '.join(model.labels)}"
    if not is_loopback(host):
        yield "Whoever reaches this machine reaches the server: it asks for no password."


def _taken(host: str, port: int) -> UserError:
    return UserError(
        f"{host_and_port(host, port)} cannot be listened on: another program has it, or the address"
        " is not this machine's. Choose another port (0 takes any that is free) or host."
    )
