"""`cargan import-checkpoint` and `export-checkpoint`: the authors' PyTorch files."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH, config_options


@click.command("export-checkpoint", short_help="Write a run as the authors' PyTorch files.")
@click.argument("run_path", metavar="RUN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
def export_checkpoint(run_path: Path, out: Path) -> None:
    """Write RUN's newest checkpoint to OUT/latest_net_G1.pth, _G2, _C2, and _D if it has one.

    The authors' code loads them; RUN must have their networks (--config authors).
    """
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.training.run import Run

    run = Run(run_path)
    run.read_info()  # says at once that there is no run, before TensorFlow loads
    import_tensorflow()
    from cargan_tf.export.pytorch_conversion import export_checkpoint

    for file in export_checkpoint(run, out):
        click.echo(str(file))


@click.command("import-checkpoint", short_help="Make a run from the authors' PyTorch files.")
@click.argument("g1", metavar="G1.pth", type=PATH)
@click.argument("g2", metavar="G2.pth", type=PATH)
@click.argument("c2", metavar="C2.pth", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
@config_options("authors")
@click.option(
    "--data", type=PATH, help="The data set they know.  [default: Sub-URMP's 13 instruments]"
)
def import_checkpoint(
    g1: Path,
    g2: Path,
    c2: Path,
    out: Path,
    config_name: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
) -> None:
    """Write a run OUT with the weights of the authors' networks.

    G1, G2 and C2 are latest_net_G1.pth and so on, as their code or torchvision names what is in
    them. PyTorch is not needed, and nothing in the files is run.
    """
    from cargan_cli.next_steps import command_line
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import load_config

    config = load_config(config_name or "authors", overrides)
    import_tensorflow()
    from cargan_tf.export.pytorch_conversion import AuthorsFiles, import_checkpoint
    from cargan_tf.training.run import Run

    info = import_checkpoint(AuthorsFiles(g1, g2, c2), config, Run(out), data)
    label = "violin" if "violin" in info.labels else info.labels[0]
    following = command_line("generate", "clip.wav", "--label", label, "--model", out)
    click.echo(f"Imported: {out}\nNext: {following}")
