"""`cargan generate`: sound files to images, or a recording to a video."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.completion import complete_labels
from cargan_cli.logs import TerminalReporter, message_until_first, message_when_slow
from cargan_cli.options import ANY_PATH, PATH, check_options
from cargan_cli.sounds import (
    Results,
    check_standard_input,
    load_generator,
    model_option,
    origin_of,
    player_option,
    server_option,
    source,
    start_option,
)
from cargan_cli.tensorflow_import import import_for

from cargan_tf.errors import UserError, counted
from cargan_tf.inference.image_io import plan_outputs

if TYPE_CHECKING:
    from cargan_tf.inference.generator import Generator, Label
    from cargan_tf.inference.result import GenerationResult
    from cargan_tf.utils.arrays import ImageArray


def write_video_file(
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
    files = list(plan_outputs(sounds, None))  # a folder stands for the sounds in it
    if len(files) != 1:
        raise UserError(
            f"{counted(len(files), 'sound')} cannot become the one video {file}; name one."
        )
    check_video_name(file)
    generator = open_generator()
    from cargan_tf.inference.video import FRAMES_PER_SECOND, SMOOTH_SECONDS, generate_video

    (sound,) = files
    made = generate_video(
        generator,
        source(sound),
        file,
        label,
        frames_per_second or FRAMES_PER_SECOND,
        SMOOTH_SECONDS if smooth_seconds is None else smooth_seconds,
        TerminalReporter(),
    )
    facts = {"frames": made.frames, "seconds": made.seconds, **origin_of(generator)}
    results.generated(sound, file, made, start=0.0, **facts)


@click.command("generate", short_help="Generate images from sound files.")
@click.argument("sounds", type=ANY_PATH, nargs=-1, required=True, metavar="SOUND...")
@click.option(
    "--label",
    shell_complete=complete_labels,
    help="The instrument, such as violin.  [default: recognized]",
)
@click.option(
    "--label-mix",
    metavar="LABEL=WEIGHT,...",
    help="A mixture of labels, such as violin=1,cello=2.",
)
@click.option(
    "-o", "--out", type=PATH, help="The PNG, or a folder for several.  [default: SOUND's name.png]"
)
@model_option
@server_option
@player_option
@start_option
@click.option("--mix", type=ANY_PATH, metavar="OTHER", help="Mix each SOUND with OTHER.")
@click.option(
    "--alpha", type=click.FloatRange(0, 1), help="Weight of OTHER in the mix.  [default: 0.5]"
)
@click.option("--stages", is_flag=True, help="Write all stages side by side.")
@click.option("--grid", type=PATH, metavar="FILE", help="Also write all images as one grid.")
@click.option(
    "--video",
    type=PATH,
    metavar="FILE",
    help="Write a video of the whole recording to FILE (.mp4 or .gif).",
)
@click.option(
    "--fps", type=click.IntRange(1, 50), help="Frames per second of the video.  [default: 25]"
)
@click.option(
    "--smooth",
    type=click.FloatRange(0, 5),
    help="Seconds in which the player moves from one note to the next.  [default: 0.12]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for programs.")
@click.pass_context
def command(
    context: click.Context,
    sounds: tuple[Path, ...],
    label: str | None,
    label_mix: str | None,
    out: Path | None,
    model: Path | None,
    server: str | None,
    player: int | None,
    start: float | None,
    mix: Path | None,
    alpha: float | None,
    stages: bool,
    grid: Path | None,
    video: Path | None,
    fps: int | None,
    smooth: float | None,
    as_json: bool,
) -> None:
    """Generate an image of the player of each SOUND: a file in any common format, or a folder.

    Prints the path of each image on a line. - is standard input as SOUND and standard output after
    -o. With --mix, both sounds are brought to the same loudness and added, 1 - ALPHA to ALPHA.
    """
    check_options(
        context,
        exclusive=(
            *("label label_mix", "model server"),
            *("video out", "video start", "video mix", "video stages", "video grid"),
        ),
        together=("alpha mix", "fps video", "smooth video"),
    )
    from cargan_tf.labels import parse_label_mix

    wanted = label if label_mix is None else parse_label_mix(label_mix)
    results = Results(as_json)
    loading = "Loading the model …" if server is None else f"Waiting for the server at {server} …"

    def open_generator() -> Generator:
        with message_when_slow(loading):
            return load_generator(model, server, player)

    if video is not None:
        write_video_file(sounds, video, wanted, open_generator, fps, smooth, results)
        return
    from cargan_cli.tensorflow_import import import_for, without_graph_optimizer

    from cargan_tf.inference.image_io import (
        STANDARD,
        check_image_name,
        encode_image,
        plan_outputs,
        save_image,
        save_in_background,
    )

    check_standard_input(*sounds, mix)
    for sound in sounds:
        import_for(sound)
    plan = plan_outputs(sounds, out, mix)
    if grid is not None:
        check_image_name(grid)
    if STANDARD in plan.values() and (as_json or sys.stdout.isatty()):
        raise UserError(
            "an image on standard output goes to a program: omit --json and write"
            " | PROGRAM or > FILE."
        )
    generator = open_generator()
    sources = [source(sound) for sound in plan]
    if mix is None:
        results_by_source = generator.generate_files(sources, [wanted] * len(plan), start)
    else:
        from cargan_tf.inference.interpolation import DEFAULT_ALPHA, mix_files

        alpha = DEFAULT_ALPHA if alpha is None else alpha
        results_by_source = mix_files(generator, sources, source(mix), alpha, wanted, start)
    results_by_source = message_until_first(
        results_by_source, f"Generating {counted(len(plan), 'image')} …"
    )
    names: list[str] = []
    images: list[ImageArray] = []
    unsaved: dict[Path, UserError] = {}

    def save(one: tuple[Path, Path, GenerationResult | UserError]) -> None:
        sound, file, generated = one
        if isinstance(generated, UserError):
            return
        image = generated.image
        if stages:
            from cargan_tf.visualization.plots import stages_image

            image = stages_image(generated)
        if file == STANDARD:
            click.get_binary_stream("stdout").write(encode_image(image))
            return
        try:
            save_image(image, file)
        except UserError as error:  # the other images can be written, perhaps
            unsaved[sound] = error

    made = (
        (*files, generated)
        for files, (_, generated) in zip(plan.items(), results_by_source, strict=True)
    )
    with without_graph_optimizer(len(plan)):
        for sound, image, generated in save_in_background(made, save):
            generated = unsaved.get(sound, generated)
            if isinstance(generated, UserError):
                results.failed(sound, generated)
                continue
            if grid is not None:
                names.append(sound.stem)
                images.append(generated.image)
            facts = {"start": generated.start_seconds, **origin_of(generator)}
            results.generated(sound, image, generated, **facts)
    if grid is not None and images:
        import numpy as np

        from cargan_tf.visualization.grids import captioned_grid

        save_image(np.asarray(captioned_grid(names, images)), grid)
    if results.failures:
        if len(plan) > 1:
            click.echo(f"{results.failures} of {counted(len(plan), 'sound')} failed.", err=True)
        context.exit(2)
