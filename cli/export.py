"""`cargan export`: a run to a SavedModel."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH


@click.command("export")
@click.argument("run_path", metavar="RUN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
def command(run_path: Path, out: Path) -> None:
    """Write RUN's newest checkpoint to OUT/<version>/, a SavedModel that TF Serving mounts."""
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.training.run import Run

    run = Run(run_path)
    run.read_info()  # say at once that there is no run, before TensorFlow loads
    import_tensorflow()
    from cargan_tf.serving.export import export_run

    version = export_run(run, out)
    click.echo(f"Exported: {version}\nNext: cargan generate clip.wav --label violin --model {out}")
