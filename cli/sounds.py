"""Options and paths of the commands that listen to a sound and draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from cargan_cli.completing import complete_models
from cargan_cli.options import ANY_PATH

from cargan_tf.errors import UserError
from cargan_tf.pictures import STANDARD

if TYPE_CHECKING:
    from cargan_tf.inference import Generator

model_option = click.option(
    "--model",
    type=ANY_PATH,
    metavar="NAME|PATH",
    shell_complete=complete_models,
    help="An exported model, its name in `cargan models`, or a run.  [default: newest in"
    " saved_models/, else the shipped one]",
)
server_option = click.option(
    "--server",
    metavar="HOST:PORT",
    help="Let a server draw: host:port is REST, grpc://host:port gRPC; /NAME behind it names the"
    " model.",
)
start_option = click.option(
    "--start",
    type=click.FloatRange(min=0),
    help="Where the half second begins, in seconds.  [default: the loudest]",
)


def source(sound: Path) -> Path | BinaryIO:
    """What to read: the file, or standard input for ``-``."""
    return click.get_binary_stream("stdin") if sound == STANDARD else sound


def name_of(sound: Path) -> str:
    """What a sound is called; ``stdin`` for ``-``."""
    return "stdin" if sound == STANDARD else sound.name


def check_standard_input(*sounds: Path | None) -> None:
    """Raise ``UserError`` if more than one sound is to be read from standard input."""
    if sounds.count(STANDARD) > 1:
        raise UserError("standard input holds one sound: name a file for the other.")


def load_generator(model: Path | None, server: str | None = None) -> Generator:
    """The server's model, or the named one, or the newest; TensorFlow is imported here.

    Raises:
        UserError: there is no such model, or ``server`` is no address.
    """
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    if server is not None:
        from cargan_tf.serving import Client
        from cargan_tf.serving.address import parse_address

        if parse_address(server).speaks_grpc:  # the stubs are of TensorFlow's messages
            import_tensorflow()
        return Client(server).generator
    from cargan_tf.serving.catalogue import default_model, existing_model

    if model is not None:
        import_for(model)
    model = default_model() if model is None else existing_model(model)
    import_tensorflow()
    from cargan_tf.inference import Generator

    return Generator.load(model)
