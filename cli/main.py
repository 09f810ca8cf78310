"""`cargan`: parse, build a configuration, make one library call."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from cargan_tf import __version__
from cargan_tf.errors import UserError

#: Command -> module of this package that holds it, in the order one needs them.
COMMANDS = {
    "quickstart": "quickstart",
    "sample-data": "sample_data",
    "preprocess": "preprocess",
    "classifier": "classifier",
    "train": "train",
    "export": "export",
    "generate": "generate",
}

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class LazyGroup(click.Group):
    """Imports a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or ``None``."""
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"cargan_cli.{COMMANDS[cmd_name]}").command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cargan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Half a second of music and its instrument, drawn as a picture of the player (CAR-GAN)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its status: 0, 2 for bad input, 130 for Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # TensorFlow's C++ notes to its own developers; its errors still show. The user's value wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # --debug is understood wherever it stands, as one adds it to the end of a line that failed.
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        status: Any = cli.main(arguments, prog_name="cargan", standalone_mode=False)
    except click.exceptions.Exit as leave:
        status = leave.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        status = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (UserError, OSError) as error:
        if debug or not (isinstance(error, UserError) or _disk_is_full(error)):
            raise
        message = error if isinstance(error, UserError) else f"the disk is full: {error}"
        click.echo(f"Error: {message}", err=True)
        status = EXIT_USER_ERROR
    sys.exit(status if isinstance(status, int) else 0)


def _disk_is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


if __name__ == "__main__":
    main()
