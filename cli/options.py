"""Options shared by several commands, and the configuration they select."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from cargan_cli.tensorflow_import import import_for

from cargan_tf.config import Config, load_config, override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.serving.address import LOOPBACK
from cargan_tf.utils.files import is_remote, to_path

Command = Callable[..., Any]


def config_for_data(data: Path, name: str | None, overrides: Iterable[str]) -> Config:
    """The named configuration, else the one that the data set was made with."""
    if name is not None:
        return load_config(name, overrides)
    import_for(data)
    return override(load_dataset(data).config, overrides)


class _DiskPath(click.Path):
    """Refuses ``gs://bucket/a``, of which a folder called ``gs:`` would be made."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if is_remote(value):
            self.fail(f"{value} is remote: expected a local path.")
        return super().convert(value, param, ctx)


class _AnyPath(click.Path):
    """Takes what :mod:`cargan_tf.utils.files` reaches, too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return to_path(value)


#: A path on the disk; whether it exists is for the library to say, with what to do about it.
PATH = _DiskPath(path_type=Path)

#: Likewise, or a remote path that TensorFlow reads, such as ``gs://bucket/data``.
ANY_PATH = _AnyPath(path_type=Path)

#: ``--log-json``, of the commands that take long.
log_json_option = click.option(
    "--log-json",
    is_flag=True,
    help="Log one JSON object per line to standard error instead of progress bars.",
)


#: ``--run``, ``--resume`` and ``--max-hours``, of the commands that train a run.
run_option = click.option(
    "--run", "run_path", type=PATH, help="Run directory.  [default: runs/CONFIG]"
)
resume_option = click.option("--resume", is_flag=True, help="Resume from the newest checkpoint.")
max_hours_option = click.option(
    "--max-hours",
    type=click.FloatRange(min=0, min_open=True),
    metavar="H",
    help="Save a checkpoint and exit after H hours.  [default: at the last step]",
)
#: ``--set``, of the commands that take a configuration.
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting, such as training.batch_size=8. Repeatable.",
)


class _HostName(click.ParamType):
    """A name as it stands in an address, without scheme and port."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name = str(value).rstrip(".")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            self.fail(f"{value!r}: expected a host name, such as demo.example.org.")
        return name


#: ``--allow-host``, of the commands that start a server.
allow_host_option = click.option(
    "--allow-host",
    "allow_hosts",
    type=_HostName(),
    multiple=True,
    help="Name by which others call this machine, such as demo.example.org; requests to other"
    " names, and from other web pages, are refused. Repeatable.",
)


#: ``--host``, likewise.
host_option = click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    help="Address to listen on; 0.0.0.0 accepts other machines.",
)
#: ``--soundfont``, of the commands that make sample data.
soundfont_option = click.option(
    "--soundfont",
    "soundfonts",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="A SoundFont (.sf2, .sf3) to play instead of the synthesizer. Repeatable.",
)


def check_options(
    context: click.Context, exclusive: Sequence[str] = (), together: Sequence[str] = ()
) -> None:
    """Refuse options that do not fit each other.

    Args:
        context: of the command.
        exclusive: pairs of parameters of which one at most may be given, such as ``label
            label_mix``.
        together: pairs of which the first needs the second.

    Raises:
        click.UsageError: names both.
    """

    def flag(name: str) -> str:
        return next(max(p.opts, key=len) for p in context.command.params if p.name == name)

    for first, second in (pair.split() for pair in exclusive):
        if _given(context, first) and _given(context, second):
            raise click.UsageError(
                f"{flag(first)} and {flag(second)} cannot be used together.", context
            )
    for first, second in (pair.split() for pair in together):
        if _given(context, first) and not _given(context, second):
            raise click.UsageError(f"{flag(first)} requires {flag(second)}.", context)


def _given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def config_options(default: str) -> Callable[[Command], Command]:
    """``--config`` and ``--set``; ``default`` says in words what holds without them."""

    def add(command: Command) -> Command:
        return click.option(
            "--config",
            "config_name",
            metavar="NAME|PATH",
            help=f"A shipped configuration or a YAML file.  [default: {default}]",
        )(set_option(command))

    return add
