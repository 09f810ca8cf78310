"""`cargan benchmark`: data and scores to compare any systems that make images from sounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.options import PATH, check_options, log_json_option, soundfont_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cargan_tf.evaluation.report import Row


def _print_rows(rows: Sequence[Row]) -> None:
    from cargan_cli.logs import table_console
    from rich.table import Table
    from rich.text import Text

    from cargan_tf.evaluation.benchmark import METRICS, RECOGNITION
    from cargan_tf.evaluation.html.formatting import ARROWS, number
    from cargan_tf.evaluation.metrics.registry import chosen_metrics

    table = Table(title_justify="left")
    table.add_column("system")
    infos = [RECOGNITION, *(metric.info for metric in chosen_metrics(METRICS))]
    for info in infos:
        table.add_column(info.title + ARROWS[info.better], justify="right")
    for row in rows:
        values = [row.values.get(info.name) for info in infos]
        cells = [
            "–" if value is None else number(value.value, info.fraction)
            for value, info in zip(values, infos, strict=True)
        ]
        table.add_row(Text(row.name), *cells)
    console = table_console()
    console.print(table)


@click.command("benchmark", short_help="Make the benchmark's data, or score a system on them.")
@click.argument("out", type=PATH)
@click.option(
    "--size",
    type=click.Choice(["small", "medium", "large"]),
    default="medium",
    show_default=True,
    help="936, 7,020 or 23,400 pairs.",
)
@soundfont_option
@click.option("--recordings", type=PATH, metavar="DIR|CSV", help="Real recordings to add.")
@click.option("--images", type=PATH, metavar="DIR", help="Score these images, <clip>.png each.")
@click.option(
    "--recognized", type=PATH, metavar="CSV", help="Score these labels, columns clip and label."
)
@click.option("--name", help="Name of the scored system.  [default: the folder's or file's]")
@log_json_option
@click.pass_context
def command(
    context: click.Context,
    out: Path,
    size: str,
    soundfonts: tuple[Path, ...],
    recordings: Path | None,
    images: Path | None,
    recognized: Path | None,
    name: str | None,
    log_json: bool,
) -> None:
    """Make the benchmark in the folder OUT, or score a system on the one that is there.

    OUT/clips.csv names the test sounds. A system, in whatever framework, writes an image for each,
    named by its clip, and may write a CSV of the labels that it recognizes; --images and
    --recognized score them and add a row to the table. The first scoring trains the evaluators.
    """
    for made in ("size", "soundfonts", "recordings"):
        check_options(context, exclusive=(f"{made} images", f"{made} recognized"))
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable
    from cargan_cli.tensorflow_import import import_tensorflow

    import_tensorflow()
    from cargan_tf.evaluation.benchmark import CLIPS_FILE, SEED, make_benchmark, results, score

    reporter = new_reporter(log_json, SEED)
    if images is None and recognized is None:
        with resumable():
            info = make_benchmark(out, size, soundfonts, recordings, reporter)
        click.echo(
            f"Benchmark: {out / CLIPS_FILE}, {info.clips} test sounds; data {info.data_hash[:12]}"
        )
        click.echo(f"Next: {command_line('benchmark', out, '--images', 'FOLDER')}")
        return
    with resumable():
        score(out, name or (images or recognized or out).stem, images, recognized, reporter)
    _print_rows(results(out))
