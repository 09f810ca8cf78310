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
@click.option("--no-onnx", is_flag=True, help="Write a SavedModel only, no ONNX files.")
@click.option(
    "--license", metavar="SPDX", help="License of the weights, such as Apache-2.0, to be stored."
)
@click.option(
    "--other-labels",
    is_flag=True,
    help="Allow a version whose labels differ from those of the version before.",
)
def command(
    run_path: Path,
    out: Path,
    float16: bool,
    no_onnx: bool,
    license: str | None,
    other_labels: bool,
) -> None:
    """Write RUN's newest checkpoint to OUT/<version>/: a SavedModel that TF Serving mounts, and
    ONNX files that start without TensorFlow.

    RUN may also be an exported model or its name: it is exported again as this version of cargan
    does.
    """
    from cargan_cli.next_steps import command_line, resumable
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.export.metadata import read_metadata
    from cargan_tf.export.model_registry import check_same_labels, existing_model, newest_version
    from cargan_tf.training.run import Run

    # All say at once what is wrong, before TensorFlow loads.
    source = run_path if run_path.exists() else existing_model(run_path)
    exported = newest_version(source)
    labels = (read_metadata(exported) if exported else Run(source).read_info()).labels
    if not other_labels:
        check_same_labels(out, labels)
    import_tensorflow()
    from cargan_tf.export.saved_model import export_model

    weights = "float16" if float16 else "float32"
    with resumable():
        version = export_model(
            exported or Run(source), out, weights, license, not no_onnx, other_labels
        )
    label = "violin" if "violin" in labels else labels[0]
    following = command_line("generate", "clip.wav", "--label", label, "--model", out)
    click.echo(f"Exported: {version}\nNext: {following}")
