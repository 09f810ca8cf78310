"""`cargan generate`: sound files to pictures."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH
from cargan_cli.server_option import server_option


@click.command("generate", short_help="Draw the pictures of sound files.")
@click.argument("sounds", type=PATH, nargs=-1, required=True, metavar="SOUND...")
@click.option("--label", required=True, help="The instrument that is heard, such as violin.")
@click.option(
    "-o", "--out", type=PATH, help="The PNG, or a folder for several.  [default: SOUND's name.png]"
)
@click.option(
    "--model", type=PATH, help="An exported model or a run.  [default: newest in saved_models/]"
)
@server_option
@click.option("--start", type=click.FloatRange(min=0), help="Seconds.  [default: the loudest part]")
@click.pass_context
def command(
    context: click.Context,
    sounds: tuple[Path, ...],
    label: str,
    out: Path | None,
    model: Path | None,
    server: str | None,
    start: float | None,
) -> None:
    """Draw the player of each SOUND: a file in any common format, or a folder of them.

    The paths of the pictures are printed, one a line.
    """
    from cargan_cli.server_option import open_drawer

    from cargan_tf.pictures import plan_pictures, save_picture

    plan = plan_pictures(sounds, out)
    drawer = open_drawer(model, server)
    from cargan_tf.inference import Drawn

    results = drawer.generate_files(list(plan), [label] * len(plan), start)
    failed = 0
    for sound, result in results:
        if not isinstance(result, Drawn):
            failed += 1
            click.echo(f"Error: {result}", err=True)
            continue
        save_picture(result.image, plan[sound])
        for warning in result.warnings():
            click.echo(f"{sound}: {warning}", err=True)
        click.echo(str(plan[sound]))
    if failed:
        if len(plan) > 1:
            click.echo(f"{failed} of {len(plan)} sounds could not be drawn.", err=True)
        context.exit(2)
