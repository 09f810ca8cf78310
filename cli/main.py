"""`cargan`: parse, build a configuration, make one library call."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

import click
from cargan_cli.logs import logged
from cargan_cli.next_steps import Terminated

from cargan_tf import __version__
from cargan_tf.errors import UserError, WorkerFailure, did_you_mean, first_line
from cargan_tf.utils.files import is_disk_full

#: Command -> "module" or "module:function" of this package, in the order one needs them.
COMMANDS = {
    "quickstart": "quickstart",
    "sample-data": "sample_data",
    "preprocess": "preprocess",
    "inspect": "inspect_data",
    "classifier": "classifier",
    "train": "train",
    "distill": "distill",
    "evaluate": "evaluate",
    "benchmark": "benchmark",
    "export": "export",
    "models": "models",
    "serve": "serve",
    "generate": "generate",
    "explore": "explore",
    "demo": "demo",
    "web": "web",
    "reproduce": "reproduce",
    "import-checkpoint": "checkpoints:import_checkpoint",
    "export-checkpoint": "checkpoints:export_checkpoint",
    "doctor": "doctor",
    "completion": "completion",
}

#: Options of version 0.1, and what they are called now.
RENAMED_OPTIONS = {
    "--walk": "--interpolate",
    "--sheet": "--grid",
    "--beside": "--compare",
    "--evaluate-again": "--force",
    "--judge": "--evaluator",
}

#: Turns everything on standard error into JSON events: cli/logs.py.
LOG_JSON = "--log-json"

EXIT_BAD_INPUT = 2
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of BSD's sysexits.h: another worker is gone
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
EXIT_TERMINATED = 143  # 128 + SIGTERM


class LazyGroup(click.Group):
    """Imports a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or ``None``."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        return getattr(importlib.import_module(f"cargan_cli.{module}"), name or "command")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command is answered with the nearest."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command {name!r}.{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="cargan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Generate an image of the player from half a second of music and its instrument (CAR-GAN)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its status: 0, 2 for bad input, 75 where another worker
    is gone, 130 for Ctrl-C, 143 for SIGTERM."""
    own_process = arguments is None
    if own_process:
        _open_closed_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    # TensorFlow's C++ notes to its own developers. Its warnings and errors show, but for those that
    # stderr_filter.py drops by name. The user's value wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # --debug is understood wherever it stands, as one adds it to the end of a line that failed.
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    as_events = LOG_JSON in arguments
    if as_events and own_process:
        from cargan_tf.utils.stderr_filter import filter_standard_error

        filter_standard_error(as_events)
    with logged(as_events):
        status = _status_of(arguments, debug)
    sys.exit(status)


def _open_closed_streams() -> None:
    """Standard streams that whoever started this closed (``2>&-``) lead nowhere.

    Python has ``None`` in their place, which few libraries expect; and the next file that is opened
    would have their number, so that what a library in C says would be written into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _status_of(arguments: list[str], debug: bool) -> int:
    """Run the command line and say what went wrong."""
    try:
        status: Any = cli.main(
            arguments or ["--help"], prog_name="cargan", standalone_mode=False, obj=arguments
        )
    except click.exceptions.Exit as leave:
        status = leave.exit_code
    except click.Abort as abort:
        terminated = isinstance(abort, Terminated)
        first = "Terminated." if terminated else "Interrupted."
        _tell(arguments, "warning", "interrupted", " ".join([first, *map(str, abort.args)]))
        return EXIT_TERMINATED if terminated else EXIT_INTERRUPTED
    except Exception as error:
        message = _fault_of_input(error)
        if message is None:
            raise
        if debug:
            traceback.print_exc()
        _tell(arguments, "error", "error", message, before="Error: ")
        return EXIT_TRY_AGAIN if isinstance(error, WorkerFailure) else EXIT_BAD_INPUT
    return status if isinstance(status, int) else 0


def _tell(arguments: list[str], level: str, event: str, message: str, before: str = "") -> None:
    """One line on standard error; where events are asked for, one of those."""
    if LOG_JSON in arguments:
        from cargan_cli.logs import write_event

        write_event(event, level, message=message)
    else:
        click.echo(before + message, err=True)


def _fault_of_input(error: Exception) -> str | None:
    """One line on what the user or the system did, or ``None`` for a bug of the program."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, click.NoSuchOption) and error.option_name in RENAMED_OPTIONS:
        new = RENAMED_OPTIONS[error.option_name]
        return f"{error.option_name} is called {new} since version 0.2: use {new}."
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "cargan"
        return f"{_sentence(error.format_message())} See {command} --help."
    if isinstance(error, click.ClickException):
        return _sentence(error.format_message())
    if is_disk_full(error):
        return f"the disk is full: {first_line(error)}. Free some space and run the command again."
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return None


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "?", ")")) else f"{line}."


if __name__ == "__main__":
    main()
