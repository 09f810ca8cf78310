"""`cargan export`: a run to a SavedModel."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH


@click.command("export", short_help="Write a run as a SavedModel.")
@click.argument("run_path", metavar="RUN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
@click.option(
    "--float16",
    is_flag=True,
    help="Store float16 weights, half the size; refused if a pixel changes by more than 1 level.",
)
@click.option(
    "--other-labels",
    is_flag=True,
    help="Allow a version whose labels differ from those of the version before.",
)
def command(run_path: Path, out: Path, float16: bool, other_labels: bool) -> None:
    """Write RUN's newest checkpoint to OUT/<version>/, a SavedModel that TF Serving mounts."""
    from cargan_cli.next_steps import command_line, resumable
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.export.model_registry import check_same_labels
    from cargan_tf.training.run import Run

    run = Run(run_path)
    info = run.read_info()  # says at once that there is no run, before TensorFlow loads
    if not other_labels:
        check_same_labels(out, info.labels)
    import_tensorflow()
    from cargan_tf.export.saved_model import export_run

    with resumable():
        version = export_run(run, out, "float16" if float16 else "float32", other_labels)
    label = "violin" if "violin" in info.labels else info.labels[0]
    following = command_line("generate", "clip.wav", "--label", label, "--model", out)
    click.echo(f"Exported: {version}\nNext: {following}")
