"""`cargan evaluate`: measure a run and print its metrics; writes report.json and report.html."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.options import ANY_PATH, PATH, check_options, log_json_option

from cargan_tf.errors import UserError

if TYPE_CHECKING:
    from cargan_tf.evaluation.report import MetricInfo, Report, SplitReport


def print_report(report: Report) -> None:
    """Print every value with what it is to be compared with."""
    from cargan_cli.logs import table_console
    from rich.table import Table
    from rich.text import Text

    from cargan_tf.evaluation.html.formatting import ARROWS

    console = table_console()
    for split in report.splits:
        of = "" if split.pairs == split.available else f" of {split.available}"
        title = f"{split.split}: {split.pairs}{of} clips"
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for row in split.rows:
            table.add_column(Text(row.name), justify="right")  # a run's name may hold brackets
        table.add_column("to compare with")
        for info in report.metrics:
            table.add_row(info.title + ARROWS[info.better], *_cells(split, info))
        console.print(table)
    for network in report.networks:
        accuracy = (
            "" if network.accuracy is None else f", accuracy {network.accuracy:.1%} on photos"
        )
        line = (
            f"{network.name}: {network.description}{accuracy}; weights {network.weights_hash[:12]}"
        )
        console.print(line, markup=False)
    for reason, metrics in report.skipped_by_reason().items():
        more = f" and {len(metrics) - 1} more" if len(metrics) > 1 else ""
        # One line each, however narrow the terminal; the report names all.
        click.echo(f"Not measured: {metrics[0]}{more}: {reason}")


def _cells(split: SplitReport, info: MetricInfo) -> list[str]:
    """A metric's value in each row, and the limits of the first one's."""
    from cargan_tf.evaluation.html.formatting import limits, number

    values = [row.values.get(info.name) for row in split.rows]
    cells = ["–" if value is None else number(value.value, info.fraction) for value in values]
    first = values[0]
    return [*cells, "" if first is None else ", ".join(limits(first, info))]


def _evaluate_recordings(
    model: Path, recordings: Path, data: Path | None, out: Path | None, log_json: bool, seed: int
) -> None:
    from cargan_cli.logs import new_reporter, table_console
    from cargan_cli.sounds import load_generator
    from cargan_cli.tensorflow_import import import_for
    from rich.table import Table

    if data is not None:
        import_for(data)
    generator = load_generator(model)
    from cargan_tf.inference.recordings_report import (
        DIAGRAM_FILE,
        REPORT_FILE,
        evaluate_recordings,
        summary,
    )
    from cargan_tf.utils.files import write_atomically
    from cargan_tf.visualization.plots import reliability_svg

    folder = out or Path("recordings-evaluation")
    report = evaluate_recordings(
        generator, recordings, folder, new_reporter(log_json, seed), data, seed
    )
    table = Table(title=f"{sum(report.recordings.values())} recordings", title_justify="left")
    rows = summary(report)
    table.add_column("")
    for title in next(iter(rows.values())):
        table.add_column(title, justify="right")
    for name, values in rows.items():
        table.add_row(name, *("–" if one is None else f"{one:.3f}" for one in values.values()))
    console = table_console()
    console.print(table)
    for path, reason in report.unreadable.items():
        click.echo(f"Not read: {path}: {reason}", err=True)
    measured = next(iter(report.variants.values())).calibration
    if measured is not None:
        write_atomically(folder / DIAGRAM_FILE, reliability_svg(measured.bins).encode())
    click.echo(f"Report: {folder / REPORT_FILE}")


def _evaluate_video(
    model: Path, data: Path | None, out: Path | None, log_json: bool, seed: int
) -> None:
    from cargan_cli.logs import new_reporter
    from cargan_cli.sounds import load_generator
    from cargan_cli.tensorflow_import import import_for
    from rich.console import Console

    from cargan_tf.training.run import Run, data_of

    run = Run(model)
    if data is None and not run.exists():
        raise UserError(f"{model} is not a run, so its data set is unknown: pass --data.")
    data = data or data_of(run)
    import_for(data)
    generator = load_generator(model)
    from cargan_tf.evaluation.html.formatting import ARROWS, limits, number
    from cargan_tf.evaluation.metrics.registry import VIDEO_METRICS
    from cargan_tf.inference.video_report import REPORT_FILE, VIDEO_FILE, evaluate_video

    folder = out or Path("video-evaluation")
    report = evaluate_video(
        generator, data, folder, seed=seed, reporter=new_reporter(log_json, seed)
    )
    console = Console(highlight=False)
    console.print(f"{report.seconds:.0f} s, {report.frames} frames, {report.notes} notes")
    for info in (metric.info for metric in VIDEO_METRICS):
        if info.name in report.skipped:
            line = f"Not measured: {info.title}: {report.skipped[info.name]}"
        else:
            value = report.values[info.name]
            said = ", ".join([number(value.value, info.fraction), *limits(value, info)])
            line = f"{info.title}{ARROWS[info.better]}: {said}"
        console.print(line, markup=False)
    click.echo(f"Report: {folder / REPORT_FILE}, and the video {folder / VIDEO_FILE}")


@click.command("evaluate", short_help="Measure a run: a table, report.json and report.html.")
@click.argument("run_path", metavar="RUN", type=PATH)
@click.option("--data", type=ANY_PATH, help="The data set.  [default: what RUN was trained on]")
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="NAME",
    help="train, validation or test. Repeatable.  [default: train, and test or else validation]",
)
@click.option(
    "--features",
    metavar="NAME",
    help="The network of FID, KID and IS: efficientnet-lite0, inception, inception=FILE or"
    " classifier.  [default: efficientnet-lite0]",
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric. Repeatable."
)
@click.option(
    "--compare",
    type=PATH,
    multiple=True,
    metavar="RUN",
    help="Another run to compare with. Repeatable.",
)
@click.option(
    "--clips",
    type=click.IntRange(min=1),
    help="Clips per split.  [default: 390 train, 2000 others]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
@click.option(
    "--recordings",
    type=PATH,
    metavar="DIR",
    help="Measure recognition on a folder of recordings per label instead; the folder none holds"
    " other sounds. With --data also whether the images follow pitch and loudness. RUN may also be"
    " an exported model.",
)
@click.option(
    "--video",
    is_flag=True,
    help="Measure a video of 60 seconds of notes and rests instead. RUN may also be an exported"
    " model.",
)
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Folder of the report.  [default: RUN/evaluation; of --recordings: recordings-evaluation;"
    " of --video: video-evaluation]",
)
@log_json_option
def command(
    run_path: Path,
    data: Path | None,
    splits: tuple[str, ...],
    features: str | None,
    metrics: tuple[str, ...],
    compare: tuple[Path, ...],
    clips: int | None,
    seed: int,
    recordings: Path | None,
    video: bool,
    out: Path | None,
    log_json: bool,
) -> None:
    """Generate images from a data set with RUN's newest checkpoint, and measure them.

    Accuracy, FID, KID, IS, whether the images follow the sound, L1, PSNR, SSIM;
    docs/explanation/evaluation.md explains each. The first evaluation on a data set trains its
    independent evaluator.

    With --recordings: how often the instrument of real sounds is recognized, and how far the
    confidence can be trusted, as recorded and at 8 kHz, in a room, in noise and as mp3; and with
    --data, from whose photos it is learned to read the pose, whether the images follow pitch (from
    note names in the files' names) and loudness.

    With --video: whether one player stays, and how many milliseconds the movement is late.
    """
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import resumable
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    of_splits = ("splits", "features", "metrics", "compare", "clips")
    check_options(
        click.get_current_context(),
        exclusive=[
            *(f"recordings {name}" for name in ("video", *of_splits)),
            *(f"video {name}" for name in of_splits),
        ],
    )
    if recordings is not None:
        _evaluate_recordings(run_path, recordings, data, out, log_json, seed)
        return
    if video:
        _evaluate_video(run_path, data, out, log_json, seed)
        return

    from cargan_tf.data.dataset import load_dataset
    from cargan_tf.training.run import Run, data_of

    run = Run(run_path)
    data = data or data_of(run)  # errors in the arguments come before TensorFlow loads
    import_for(data)
    load_dataset(data)
    others = [Run(path) for path in compare]
    for other in others:
        other.read_info()
    import_tensorflow()
    from cargan_tf.evaluation.evaluate import evaluate_run
    from cargan_tf.evaluation.html.report_page import write_html
    from cargan_tf.evaluation.report import FOLDER, PAGE_FILE, REPORT_FILE, Limits

    folder = out or run.path / FOLDER
    with resumable():
        report, generated = evaluate_run(
            run,
            data,
            splits,
            out,
            others,
            features,
            metrics,
            Limits(seed=seed) if clips is None else Limits(clips, clips, seed),
            new_reporter(log_json, seed),
        )
        write_html(report, generated, run, folder / PAGE_FILE)
    print_report(report)
    click.echo(f"Report: {folder / REPORT_FILE}, and as a page {folder / PAGE_FILE}")
