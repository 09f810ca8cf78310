"""`cargan generate --video`: one recording to one video."""
# MERGED `cargan generate`: sound files to pictures, or a recording to a video.

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.completion import complete_labels
from cargan_cli.logs import TerminalReporter
from cargan_cli.options import ANY_PATH, PATH, check_options
from cargan_cli.sounds import (
    Results,
    check_standard_input,
    load_generator,
    model_option,
    server_option,
    source,
    start_option,
)
from cargan_cli.tensorflow_import import import_for

from cargan_tf.errors import UserError
from cargan_tf.inference.image_io import plan_pictures

if TYPE_CHECKING:
    from cargan_tf.inference.generator import Generator, Label
if TYPE_CHECKING:
    from cargan_tf.inference.result import Drawn, Picture


def draw_one_video(
    sounds: Sequence[Path],
    file: Path,
    label: Label,
    open_generator: Callable[[], Generator],
    frames_per_second: int | None,
    smooth_seconds: float | None,
    results: Results,
) -> None:
    """Draw all of a recording; the defaults are the library's."""
    from cargan_tf.inference.video_writer import check_video_name

    for sound in sounds:
        import_for(sound)
    files = list(plan_pictures(sounds, None))  # a folder stands for the sounds in it
    if len(files) != 1:
        raise UserError(f"{len(files)} sounds cannot become the one video {file}; name one.")
    check_video_name(file)
    generator = open_generator()
    from cargan_tf.inference.video import FRAMES_PER_SECOND, draw_video

    (sound,) = files
    made = draw_video(
        generator,
        source(sound),
        file,
        label,
        frames_per_second or FRAMES_PER_SECOND,
        smooth_seconds or 0.0,
        TerminalReporter(),
    )
    results.drawn(sound, file, made, start=0.0, frames=made.frames, seconds=made.seconds)


@click.command("generate", short_help="Draw the pictures of sound files.")
@click.argument("sounds", type=ANY_PATH, nargs=-1, required=True, metavar="SOUND...")
@click.option(
    "--label",
    shell_complete=complete_labels,
    help="The instrument, such as violin.  [default: recognised]",
)
@click.option("--label-mix", metavar="LABEL=SHARE,...", help="Several, such as violin=1,cello=2.")
@click.option(
    "-o", "--out", type=PATH, help="The PNG, or a folder for several.  [default: SOUND's name.png]"
)
@model_option
@server_option
@start_option
@click.option("--mix", type=ANY_PATH, metavar="OTHER", help="Draw each SOUND played with OTHER.")
@click.option(
    "--alpha", type=click.FloatRange(0, 1), help="Share of OTHER in the mix.  [default: 0.5]"
)
@click.option("--stages", is_flag=True, help="The way to the picture, side by side.")
@click.option("--sheet", type=PATH, metavar="FILE", help="All pictures on one sheet as well.")
@click.option("--video", type=PATH, metavar="FILE", help="All of SOUND, as FILE.mp4 or FILE.gif.")
@click.option(
    "--fps", type=click.IntRange(1, 50), help="Frames a second of the video.  [default: 10]"
)
@click.option(
    "--smooth",
    type=click.FloatRange(0, 5),
    help="Average each frame with those so many seconds around it.  [default: 0]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.pass_context
def command(
    context: click.Context,
    sounds: tuple[Path, ...],
    label: str | None,
    label_mix: str | None,
    out: Path | None,
    model: Path | None,
    server: str | None,
    start: float | None,
    mix: Path | None,
    alpha: float | None,
    stages: bool,
    sheet: Path | None,
    video: Path | None,
    fps: int | None,
    smooth: float | None,
    as_json: bool,
) -> None:
    """Draw the player of each SOUND: a file in any common format, or a folder of them.

    The paths of the pictures are printed, one a line. A SOUND of - is standard input, and -o - is
    standard output. With --mix, both sounds are brought to one loudness and their waveforms added,
    1 - ALPHA to ALPHA.
    """
    check_options(
        context,
        apart=(
            *("label label_mix", "model server"),
            *("video out", "video start", "video mix", "video stages", "video sheet"),
        ),
        together=("alpha mix", "fps video", "smooth video"),
    )
    from cargan_tf.labels import parse_label_mix

    wanted = label if label_mix is None else parse_label_mix(label_mix)
    results = Results(as_json)
    open_generator = partial(load_generator, model, server)
    if video is not None:
        draw_one_video(sounds, video, wanted, open_generator, fps, smooth, results)
        return
    from cargan_cli.tensorflow_import import graphs_run_as_they_are, import_for

    from cargan_tf.inference.image_io import (
        STANDARD,
        check_picture_name,
        encode_picture,
        plan_pictures,
        save_picture,
        saved_meanwhile,
    )

    check_standard_input(*sounds, mix)
    for sound in sounds:
        import_for(sound)
    plan = plan_pictures(sounds, out)
    if sheet is not None:
        check_picture_name(sheet)
    if STANDARD in plan.values() and (as_json or sys.stdout.isatty()):
        raise UserError(
            "a picture on standard output goes to a program: leave out --json and write"
            " | PROGRAM or > FILE."
        )
    generator = open_generator()
    sources = [source(sound) for sound in plan]
    if mix is None:
        drawings = generator.generate_files(sources, [wanted] * len(plan), start)
    else:
        from cargan_tf.inference.mixing import HALF, mix_files

        share = HALF if alpha is None else alpha
        drawings = mix_files(generator, sources, source(mix), share, wanted, start)
    names: list[str] = []
    images: list[Picture] = []

    def save(one: tuple[Path, Path, Drawn | UserError]) -> None:
        _, picture, drawn = one
        if isinstance(drawn, UserError):
            return
        image = drawn.image
        if stages:
            from cargan_tf.visualization.plots import stages_picture

            image = stages_picture(drawn)
        if picture == STANDARD:
            click.get_binary_stream("stdout").write(encode_picture(image))
        else:
            save_picture(image, picture)

    made = ((*files, drawn) for files, (_, drawn) in zip(plan.items(), drawings, strict=True))
    with graphs_run_as_they_are(len(plan)):
        for sound, picture, drawn in saved_meanwhile(made, save):
            if isinstance(drawn, UserError):
                results.failed(sound, drawn)
                continue
            if sheet is not None:
                names.append(sound.stem)
                images.append(drawn.image)
            results.drawn(sound, picture, drawn, start=drawn.start_seconds)
    if sheet is not None and images:
        import numpy as np

        from cargan_tf.visualization.grids import captioned_sheet

        save_picture(np.asarray(captioned_sheet(names, images)), sheet)
    if results.failures:
        if len(plan) > 1:
            click.echo(f"{results.failures} of {len(plan)} sounds could not be drawn.", err=True)
        context.exit(2)
