"""`cargan preprocess`: a source to TFRecord shards."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import ANY_PATH, check_options, config_options, log_json_option

from cargan_tf.errors import counted


@click.command("preprocess", short_help="Make a data set of sounds and images.")
@click.argument("source", type=ANY_PATH, default=Path("."))
@click.argument("out", type=ANY_PATH, default=Path("data"))
@click.option(
    "--format",
    "source_format",
    metavar="NAME",
    help="manifest, sub-urmp, authors, urmp, videos or class-folders.  [default: detected]",
)
@click.option("--drop-silent", is_flag=True, help="Omit silent clips.")
@config_options("paper")
@click.option(
    "--normalization-from",
    "measured",
    type=ANY_PATH,
    metavar="RUN|MODEL",
    help="Make a data set to measure a run or model on, with its labels, normalization and"
    " settings. No training split is needed.",
)
@click.option("--workers", type=int, help="Worker processes.  [default: one per core]")
@click.option(
    "--runner",
    metavar="NAME",
    help="An Apache Beam runner that does the work, such as DirectRunner or DataflowRunner.",
)
@click.option(
    "--runner-option",
    "runner_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the runner, such as direct_num_workers=2. Repeatable.",
)
@log_json_option
@click.pass_context
def command(
    context: click.Context,
    source: Path,
    out: Path,
    source_format: str | None,
    drop_silent: bool,
    config_name: str | None,
    overrides: tuple[str, ...],
    measured: Path | None,
    workers: int | None,
    runner: str | None,
    runner_options: tuple[str, ...],
    log_json: bool,
) -> None:
    """Make a data set OUT from SOURCE: pairs of sound and image to TFRecord shards.

    SOURCE is a Sub-URMP tree or a folder that holds one, a table (label, audio, image, and split,
    recording, start_ms if it has them), class folders with sounds beside images, the CAR-GAN
    authors' lists or folders of spectrogram images, the raw URMP release, or videos with a table
    of labels (VGGSound's and AVE's are understood). Without splits of its own, recordings are dealt
    out to them. Without arguments, the tree in this folder becomes ./data. A call that was stopped
    resumes where it was.
    SOURCE and OUT may be gs://BUCKET/FOLDER. docs/how-to/large-data.md has examples of runners.
    """
    check_options(
        context,
        exclusive=("workers runner", "config_name measured"),
        together=("runner_options runner",),
    )
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    from cargan_tf.config import load_config, override

    if drop_silent:
        overrides = (*overrides, "data.drop_silent=true")
    normalization = None
    if measured is None:
        config = load_config(config_name or "paper", overrides)
    else:
        from cargan_tf.export.model_registry import normalization_of

        import_for(measured)
        theirs, normalization = normalization_of(measured)
        config = override(theirs, overrides)
    import_tensorflow()
    from cargan_tf.data.dataset import DATASET_FILE
    from cargan_tf.data.inspection import imbalance_warning
    from cargan_tf.data.preprocessing.beam_runner import BeamJob
    from cargan_tf.data.preprocessing.preprocess import preprocess
    from cargan_tf.training.run import Run

    with resumable():
        info = preprocess(
            source,
            out,
            config,
            format=source_format,
            workers=workers,
            job=None if runner is None else BeamJob(runner, runner_options),
            normalization=normalization,
            reporter=new_reporter(log_json, config.training.seed),
        )
    for split in info.shards:
        silent, noise = (
            sum(counts.get(split, {}).values()) for counts in (info.silent, info.noise_like)
        )
        click.echo(
            f"{split}: {counted(info.records(split), 'pair')} of"
            f" {counted(len(info.counts[split]), 'label')}, {silent} silent, {noise} noise-like"
        )
    warning = imbalance_warning(info)
    if warning is not None:
        click.echo(warning, err=True)
    dropped = sum(sum(counts.values()) for counts in info.dropped_silent.values())
    if drop_silent:
        click.echo(f"Silent clips skipped: {dropped}")
    for title, items in (("Skipped", info.skipped), ("Repaired sounds", info.mended)):
        if items:
            click.echo(f"{title}: {len(items)}, listed in {out / DATASET_FILE}. The first:")
        for item in items[:3]:
            click.echo(f"  {item.what}: {item.why}")
    following: tuple[object, ...] = ("classifier", out)
    if measured is not None:
        run = measured if Run(measured).exists() else "RUN"  # an exported model has no checkpoint
        following = ("evaluate", run, "--data", out)
    click.echo(f"Next: {command_line(*following)}")
