"""Options and paths of the commands that listen to a sound and draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from cargan_cli.options import PATH

from cargan_tf.pictures import STANDARD

if TYPE_CHECKING:
    from cargan_tf.inference import Generator

model_option = click.option(
    "--model", type=PATH, help="An exported model or a run.  [default: newest in saved_models/]"
)
start_option = click.option(
    "--start", type=click.FloatRange(min=0), help="Seconds.  [default: the loudest part]"
)


def source(sound: Path) -> Path | BinaryIO:
    """What to read: the file, or standard input for ``-``."""
    return click.get_binary_stream("stdin") if sound == STANDARD else sound


def load_generator(model: Path | None) -> Generator:
    """The named model, else the newest; TensorFlow is imported here."""
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.serving.catalogue import default_model

    model = model or default_model()
    import_tensorflow()
    from cargan_tf.inference import Generator

    return Generator.load(model)
