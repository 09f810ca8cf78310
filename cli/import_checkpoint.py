"""`cargan import-checkpoint`: the authors' PyTorch files to a run."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH, config_options


@click.command("import-checkpoint", short_help="Make a run of the authors' PyTorch files.")
@click.argument("g1", metavar="G1.pth", type=PATH)
@click.argument("g2", metavar="G2.pth", type=PATH)
@click.argument("c2", metavar="C2.pth", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
@config_options("authors")
@click.option(
    "--data", type=PATH, help="The data set they know.  [default: Sub-URMP's 13 instruments]"
)
def command(
    g1: Path,
    g2: Path,
    c2: Path,
    out: Path,
    config_name: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
) -> None:
    """Write a run OUT that draws with the weights of the authors' networks.

    G1, G2 and C2 are latest_net_G1.pth and so on, as their code or torchvision names what is in
    them. PyTorch is not needed, and nothing in the files is run.
    """
    from cargan_cli.hints import command_line
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import load_config

    config = load_config(config_name or "authors", overrides)
    import_tensorflow()
    from cargan_tf.interop.checkpoints import AuthorsFiles, import_checkpoint
    from cargan_tf.training.run import Run

    info = import_checkpoint(AuthorsFiles(g1, g2, c2), config, Run(out), data)
    label = "violin" if "violin" in info.labels else info.labels[0]
    following = command_line("generate", "clip.wav", "--label", label, "--model", out)
    click.echo(f"Imported: {out}\nNext: {following}")
