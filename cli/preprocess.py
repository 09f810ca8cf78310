"""`cargan preprocess`: a source to TFRecord shards."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH, config_options


@click.command("preprocess", short_help="Make a data set of sounds and pictures.")
@click.argument("source", type=PATH, default=Path("."))
@click.argument("out", type=PATH, default=Path("data"))
@config_options("paper")
@click.option("--workers", type=int, help="Processes.  [default: one a core]")
def command(
    source: Path,
    out: Path,
    config_name: str | None,
    overrides: tuple[str, ...],
    workers: int | None,
) -> None:
    """Make a data set OUT from SOURCE: pairs of sound and picture to TFRecord shards.

    SOURCE is a Sub-URMP tree, a folder that holds one (Sub-URMP or Sub_URMP), or a CSV manifest
    with the columns split, label, recording, start_ms, audio and image. Without arguments, the
    tree in this folder becomes ./data. A call that was stopped goes on where it was.
    """
    from cargan_cli.hints import command_line, resumable
    from cargan_cli.reporting import TerminalReporter
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import load_config

    config = load_config(config_name or "paper", overrides)
    import_tensorflow()
    from cargan_tf.data.preprocess import preprocess

    with resumable():
        info = preprocess(source, out, config, workers=workers, reporter=TerminalReporter())
    for split in info.shards:
        silent, noise = (
            sum(counts.get(split, {}).values()) for counts in (info.silent, info.noise_like)
        )
        click.echo(
            f"{split}: {info.records(split)} pairs of {len(info.counts[split])} labels,"
            f" {silent} silent, {noise} noise-like"
        )
    if info.left_out:
        click.echo(f"Left out: {len(info.left_out)}, listed in {out / 'dataset.json'}. The first:")
        for left in info.left_out[:3]:
            click.echo(f"  {left.what}: {left.why}")
    click.echo(f"Next: {command_line('classifier', out)}")
