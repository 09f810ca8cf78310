"""`--server`: drawing by a server instead of a model on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cargan_tf.inference import Generator

server_option = click.option(
    "--server",
    metavar="HOST:PORT",
    help="Let a server draw: host:port is REST, grpc://host:port gRPC; /NAME behind it names the"
    " model.",
)


def open_drawer(model: Path | None, server: str | None) -> Generator:
    """A model on this machine, or one on a server.

    Raises:
        click.UsageError: both were named.
        UserError: there is no such model, or that is no address.
    """
    from cargan_cli.tensorflow_import import import_tensorflow

    if server is None:
        from cargan_tf.serving.catalogue import default_model

        folder = model or default_model()
        import_tensorflow()
        from cargan_tf.inference import Generator

        return Generator.load(folder)
    if model is not None:
        raise click.UsageError("--model and --server exclude each other: the server has its model.")
    from cargan_tf.serving import Client
    from cargan_tf.serving.address import parse_address

    if parse_address(server).speaks_grpc:  # the stubs are of TensorFlow's messages
        import_tensorflow()
    return Client(server).generator
