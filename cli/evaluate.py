"""`cargan evaluate`: figures of a run that can be believed, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import ANY_PATH, PATH, log_json_option


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
    "--metric", "metrics", multiple=True, metavar="NAME", help="This one alone. Repeatable."
)
@click.option(
    "--beside", type=PATH, multiple=True, metavar="RUN", help="A run to compare with. Repeatable."
)
@click.option(
    "--clips", type=click.IntRange(min=1), help="Clips a split.  [default: 390 train, 2000 others]"
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of every random choice.",
)
@click.option("-o", "--out", type=PATH, help="Folder of the report.  [default: RUN/evaluation]")
@log_json_option
def command(
    run_path: Path,
    data: Path | None,
    splits: tuple[str, ...],
    features: str | None,
    metrics: tuple[str, ...],
    beside: tuple[Path, ...],
    clips: int | None,
    seed: int,
    out: Path | None,
    log_json: bool,
) -> None:
    """Draw the sounds of a data set with RUN's newest checkpoint, and measure the pictures.

    Accuracy, FID, KID, IS, whether it listens to the sound, L1, PSNR, SSIM; docs/evaluation.md
    explains each. The first evaluation on a data set trains its independent judge.
    """
    from cargan_cli.evaluation_table import print_report
    from cargan_cli.hints import resumable
    from cargan_cli.json_log import new_reporter
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    from cargan_tf.data.dataset import load_dataset
    from cargan_tf.training.run import Run, data_of

    run = Run(run_path)
    data = data or data_of(run)  # what is plainly wrong is said before TensorFlow loads
    import_for(data)
    load_dataset(data)
    others = [Run(path) for path in beside]
    for other in others:
        other.read_info()
    import_tensorflow()
    from cargan_tf.evaluation.evaluate import Limits, evaluate_run
    from cargan_tf.evaluation.page.html import write_html
    from cargan_tf.evaluation.report import FOLDER, PAGE_FILE, REPORT_FILE

    folder = out or run.path / FOLDER
    with resumable():
        report, drawn = evaluate_run(
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
        write_html(report, drawn, run, folder / PAGE_FILE)
    print_report(report)
    click.echo(f"Report: {folder / REPORT_FILE}, and as a page {folder / PAGE_FILE}")
