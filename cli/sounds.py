"""Options and paths shared by the commands that read sounds and generate images."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from cargan_cli.completion import complete_models
from cargan_cli.options import ANY_PATH

from cargan_tf.errors import UserError, one_line
from cargan_tf.inference.image_io import STANDARD
from cargan_tf.utils.files import is_remote

if TYPE_CHECKING:
    from cargan_tf.inference.generator import Generator
    from cargan_tf.inference.result import GenerationResult, Recognition
    from cargan_tf.inference.video import VideoResult


#: Decimals of weights in JSON: 0.3 in float32 would print as 0.30000001192092896.
DIGITS = 6


class Results:
    """Prints paths to standard output, and everything else to standard error."""

    def __init__(self, as_json: bool) -> None:
        """``as_json``: print one JSON object per line to standard output instead."""
        self._as_json = as_json
        self.failures = 0

    def generated(
        self, sound: Path, output: Path, made: GenerationResult | VideoResult, **facts: Any
    ) -> None:
        """Report one image; ``facts`` appear in the JSON only."""
        warnings = made.warnings()
        if self._as_json:
            self._write(
                {
                    "path": str(sound),
                    "label": max(made.label_weights, key=made.label_weights.__getitem__),
                    "label_weights": {
                        label: round(weight, DIGITS) for label, weight in made.label_weights.items()
                    },
                    "confidence": made.confidence,
                    "recognition": _recognition(made.recognition),
                    **facts,
                    "warnings": warnings,
                    "output": str(output),
                }
            )
            return
        if made.recognition is not None and not made.recognition.silent:
            said = made.recognition.describe()
            click.echo(f"{one_line(sound)}: sounds like {said}", err=True)
        for warning in warnings:
            click.echo(f"{one_line(sound)}: {warning}", err=True)
        if output != STANDARD:
            click.echo(os.fsencode(output))  # a file name is bytes, not always text

    def failed(self, sound: Path, error: UserError) -> None:
        """Report an error for ``sound``."""
        self.failures += 1
        if self._as_json:
            self._write({"path": str(sound), "error": str(error)})
        click.echo(f"Error: {error}", err=True)

    def _write(self, values: Mapping[str, Any]) -> None:
        line = json.dumps(values, ensure_ascii=False, allow_nan=False)
        if not line.isprintable():  # a file name that is not text has surrogates
            line = json.dumps(values, allow_nan=False)
        click.echo(line)


def _recognition(recognition: Recognition | None) -> dict[str, Any] | None:
    """As JSON values; the three most probable labels, none of them for silence."""
    if recognition is None:
        return None
    return {
        "best": [
            {"label": label, "probability": round(probability, DIGITS)}
            for label, probability in recognition.best()
        ],
        "none": None if recognition.silent else round(recognition.none, DIGITS),
        "silent": recognition.silent,
    }


model_option = click.option(
    "--model",
    type=ANY_PATH,
    metavar="NAME|PATH",
    shell_complete=complete_models,
    help="An exported model, its name in `cargan models`, or a run.  [default: the first in"
    " `cargan models`]",
)
server_option = click.option(
    "--server",
    metavar="HOST:PORT",
    help="Generate on a server: host:port for REST, grpc://host:port for gRPC; append /NAME to"
    " select a model.",
)
player_option = click.option(
    "--player",
    type=click.IntRange(1),
    help="Number of the player to show.  [default: the first]",
)
start_option = click.option(
    "--start",
    type=click.FloatRange(min=0),
    help="Start of the half second, in seconds.  [default: the loudest]",
)


def source(sound: Path) -> Path | BinaryIO:
    """The file, or standard input for ``-``."""
    return click.get_binary_stream("stdin") if sound == STANDARD else sound


def name_of(sound: Path) -> str:
    """The name of a sound; ``stdin`` for ``-``."""
    return "stdin" if sound == STANDARD else sound.name


def check_standard_input(*sounds: Path | None) -> None:
    """Raise ``UserError`` if more than one sound is to be read from standard input."""
    if sounds.count(STANDARD) > 1:
        raise UserError("standard input holds one sound: name a file for the other.")


def origin_of(generator: Generator) -> dict[str, str]:
    """What made an image, for programs: the model with its version, and its backend."""
    return {"model": generator.origin, "backend": generator.backend}


def check_model(model: Path | None) -> None:
    """Raise ``UserError`` if there is no such model, before anything is loaded for it."""
    from cargan_tf.export.model_registry import default_model, existing_model

    if model is None:
        default_model()
    elif not is_remote(model):
        existing_model(model)


def load_generator(
    model: Path | None, server: str | None = None, player: int | None = None
) -> Generator:
    """The server's model, or the named one, or the best; TensorFlow is imported here if
    need be.

    Which one is taken by default is said on standard error.

    All its images show ``player``, if that is given.

    Raises:
        UserError: there is no such model or no such player, or ``server`` is no address.
    """
    generator = _generator_of(model, server)
    if player is not None:
        generator.player = player
    return generator


def _generator_of(model: Path | None, server: str | None) -> Generator:
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    if server is not None:
        from cargan_tf.serving import Client
        from cargan_tf.serving.address import parse_address

        if parse_address(server).speaks_grpc:  # the stubs are of TensorFlow's messages
            import_tensorflow()
        return Client(server).generator
    from cargan_tf.export.model_registry import default_model, existing_model

    if model is None:
        best = default_model()
        click.echo(f"Model: {best.describe()}", err=True)
        model = best.version
    else:
        import_for(model)
        model = existing_model(model)
    from cargan_tf.inference.backend import backend_for

    if backend_for(model) == "tensorflow":
        import_tensorflow()
    from cargan_tf.inference.generator import Generator

    return Generator.load(model)
