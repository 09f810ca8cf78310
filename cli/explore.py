"""`cargan explore`: what a model makes of a sound when something is changed."""

from __future__ import annotations

from pathlib import Path

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


@click.command("explore", short_help="Sheets: every label and loudness, or a walk between sounds.")
@click.argument("sound", type=ANY_PATH)
@click.option("--walk", type=ANY_PATH, metavar="OTHER", help="Walk from SOUND to OTHER instead.")
@click.option("--steps", type=click.IntRange(2, 99), help="Images of a walk.  [default: 9]")
@click.option(
    "--label",
    shell_complete=complete_labels,
    help="SOUND's instrument on a walk.  [default: recognized]",
)
@click.option(
    "--other-label",
    shell_complete=complete_labels,
    help="OTHER's instrument on a walk.  [default: recognized]",
)
@click.option("-o", "--out", type=PATH, help="The sheet.  [default: SOUND's name_explore.png]")
@model_option
@start_option
@click.pass_context
def command(
    context: click.Context,
    sound: Path,
    walk: Path | None,
    steps: int | None,
    label: str | None,
    other_label: str | None,
    out: Path | None,
    model: Path | None,
    start: float | None,
) -> None:
    """Draw SOUND as every instrument, softer and louder, on one sheet.

    With --walk: the sounds between SOUND and OTHER, mixed as `cargan generate --mix` does, with the
    labels between theirs; then the sound alone and the label alone. A SOUND of - is standard input,
    and -o - is standard output.
    """
    check_options(context, together=("steps walk", "label walk", "other_label walk"))
    import numpy as np

    from cargan_tf.inference.image_io import (
        STANDARD,
        check_image_name,
        encode_image,
        plan_outputs,
        save_image,
    )

    check_standard_input(sound, walk)
    for file in (sound, walk):
        if file is not None:
            plan_outputs([file], None)  # says what does not exist before TensorFlow loads

    out = out or Path(f"{Path(name_of(sound)).stem}_explore.png")
    if out != STANDARD:
        check_image_name(out)
    generator = load_generator(model)
    from cargan_tf.inference.interpolation import (
        INTERPOLATION_STEPS,
        interpolation_grid,
        loudness_grid,
    )

    clip = generator.read_clip(source(sound), start)
    if walk is None:
        sheet = loudness_grid(generator, clip, name_of(sound))
    else:
        clips, names = (clip, generator.read_clip(source(walk))), (name_of(sound), name_of(walk))
        sheet = interpolation_grid(
            generator, clips, names, (label, other_label), steps or INTERPOLATION_STEPS
        )
    if out == STANDARD:
        click.get_binary_stream("stdout").write(encode_image(np.asarray(sheet)))
        return
    save_image(np.asarray(sheet), out)
    click.echo(str(out))
