"""`cargan quickstart`: the whole pipeline on open sample data."""

from __future__ import annotations

import time
from pathlib import Path

import click
from cargan_cli.options import PATH, config_options, log_json_option


@click.command("quickstart", short_help="Run the whole pipeline on sample data in ten minutes.")
@click.argument("workspace", type=PATH, default=Path("quickstart"))
@click.option(
    "--models",
    type=PATH,
    default=Path("saved_models"),
    show_default=True,
    help="Folder for the exported model.",
)
@config_options("quickstart")
@log_json_option
def command(
    workspace: Path,
    models: Path,
    config_name: str | None,
    overrides: tuple[str, ...],
    log_json: bool,
) -> None:
    """Run the whole pipeline on sample data in ten minutes: data, training, export and images.

    Everything but the exported model is written to WORKSPACE (./quickstart by default); a second
    call takes what is there.
    """
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import load_config

    began = time.monotonic()
    config = load_config(config_name or "quickstart", overrides)
    import_tensorflow()
    from cargan_tf.quickstart import quickstart
    from cargan_tf.training.conditioning_metrics import describe_conditioning

    with resumable():
        result = quickstart(workspace, models, config, new_reporter(log_json, config.training.seed))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    click.echo(f"Done in {minutes} min {seconds} s. On unseen recordings:")
    click.echo(f"  {describe_conditioning(result.metrics)}")
    click.echo(f"Images (spectrogram, coarse, refined, real): {result.grid}")
    click.echo(f"Image of {result.sound}: {result.image}")
    click.echo(f"Model: {result.model}")
    try_this = ("generate", result.sound, "--label", "cello", "-o", "cello.png")
    click.echo(f"Try: {command_line(*try_this, '--model', result.model.parent)}")
