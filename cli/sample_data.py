"""`cargan sample-data`: the open stand-in for Sub-URMP."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH


@click.command("sample-data", short_help="Write open sample data: 13 instruments.")
@click.argument("out", type=PATH)
@click.option("--recordings", default=12, show_default=True, help="Recordings per instrument.")
@click.option("--clips", default=15, show_default=True, help="Half-second clips per recording.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option("--soundfont", type=PATH, help="A SoundFont (.sf2) to play instead of synthesis.")
@click.option("--workers", type=int, help="Worker processes.  [default: one per core]")
def command(
    out: Path,
    recordings: int,
    clips: int,
    seed: int,
    soundfont: Path | None,
    workers: int | None,
) -> None:
    """Write open sample data to OUT: 13 instruments, three players each, sound and image."""
    from cargan_cli.logs import TerminalReporter
    from cargan_cli.next_steps import command_line

    from cargan_tf.synthetic.build import make_sample_data

    manifest = make_sample_data(
        out,
        recordings=recordings,
        clips_per_recording=clips,
        seed=seed,
        soundfont=soundfont,
        workers=workers,
        reporter=TerminalReporter(),
    )
    following = command_line("preprocess", out, "data", "--config", "quickstart")
    click.echo(f"Sample data: {manifest}\nNext: {following}")
