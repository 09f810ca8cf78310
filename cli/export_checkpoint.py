"""`cargan export-checkpoint`: a run to the authors' PyTorch files."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH


@click.command("export-checkpoint", short_help="Write a run as the authors' PyTorch files.")
@click.argument("run_path", metavar="RUN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
def command(run_path: Path, out: Path) -> None:
    """Write RUN's newest checkpoint to OUT/latest_net_G1.pth, _G2, _C2, and _D if it has one.

    The authors' code loads them; RUN must have their networks (--config authors).
    """
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.training.run import Run

    run = Run(run_path)
    run.read_info()  # says at once that there is no run, before TensorFlow loads
    import_tensorflow()
    from cargan_tf.interop.checkpoints import export_checkpoint

    for file in export_checkpoint(run, out):
        click.echo(str(file))
