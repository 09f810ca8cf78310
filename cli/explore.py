"""`cargan explore`: grids of images of one sound, or of the sounds between two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.completion import complete_labels
from cargan_cli.options import ANY_PATH, PATH, check_options
from cargan_cli.sounds import (
    check_standard_input,
    load_generator,
    model_option,
    name_of,
    source,
    start_option,
)

from cargan_tf.errors import one_line

if TYPE_CHECKING:
    from cargan_tf.audio.clips import Clip


@click.command("explore", short_help="Generate grids: all labels, or between two sounds.")
@click.argument("sound", type=ANY_PATH)
@click.option(
    "--interpolate", type=ANY_PATH, metavar="OTHER", help="Interpolate from SOUND to OTHER instead."
)
@click.option(
    "--steps", type=click.IntRange(2, 99), help="Images of an interpolation.  [default: 9]"
)
@click.option(
    "--label",
    shell_complete=complete_labels,
    help="SOUND's instrument in an interpolation.  [default: recognized]",
)
@click.option(
    "--other-label",
    shell_complete=complete_labels,
    help="OTHER's instrument in an interpolation.  [default: recognized]",
)
@click.option("-o", "--out", type=PATH, help="The grid.  [default: SOUND's name_explore.png]")
@model_option
@start_option
@click.pass_context
def command(
    context: click.Context,
    sound: Path,
    interpolate: Path | None,
    steps: int | None,
    label: str | None,
    other_label: str | None,
    out: Path | None,
    model: Path | None,
    start: float | None,
) -> None:
    """Generate SOUND as every instrument, softer and louder, in one grid.

    With --interpolate: the sounds between SOUND and OTHER, mixed as `cargan generate --mix` does,
    with the labels between theirs; then only the sound, and only the label, interpolated. - is
    standard input as SOUND and standard output after -o.
    """
    check_options(
        context, together=("steps interpolate", "label interpolate", "other_label interpolate")
    )
    import numpy as np

    from cargan_tf.inference.image_io import (
        STANDARD,
        check_image_name,
        encode_image,
        plan_outputs,
        save_image,
    )

    check_standard_input(sound, interpolate)
    for file in (sound, interpolate):
        if file is not None:
            plan_outputs([file], None)  # reports missing files before TensorFlow loads

    out = out or Path(f"{Path(name_of(sound)).stem}_explore.png")
    if out != STANDARD:
        check_image_name(out)
    generator = load_generator(model)
    from cargan_tf.inference.interpolation import (
        INTERPOLATION_STEPS,
        interpolation_grid,
        loudness_grid,
    )

    def read(file: Path, start: float | None = None) -> Clip:
        clip = generator.read_clip(source(file), start)
        for note in clip.notes:
            click.echo(f"{one_line(name_of(file))}: {note}", err=True)
        return clip

    clip = read(sound, start)
    if interpolate is None:
        grid = loudness_grid(generator, clip, name_of(sound))
    else:
        clips, names = (
            (clip, read(interpolate)),
            (name_of(sound), name_of(interpolate)),
        )
        grid = interpolation_grid(
            generator, clips, names, (label, other_label), steps or INTERPOLATION_STEPS
        )
    if out == STANDARD:
        click.get_binary_stream("stdout").write(encode_image(np.asarray(grid)))
        return
    save_image(np.asarray(grid), out)
    click.echo(str(out))
