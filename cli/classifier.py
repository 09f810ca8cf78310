"""`cargan classifier`: C, the judge of what a picture shows; or of what is heard."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH, config_options


@click.command("classifier", short_help="Train the judge C on real photos.")
@click.argument("data", type=PATH, default=Path("data"))
@click.option("--audio", is_flag=True, help="Train the classifier of sounds instead.")
@click.option(
    "--out",
    type=PATH,
    help="Folder for the weights.  [default: DATA/classifier, DATA/sound_classifier]",
)
@config_options("the data set's own")
def command(
    data: Path, audio: bool, out: Path | None, config_name: str | None, overrides: tuple[str, ...]
) -> None:
    """Train the classifier C on the real photos of DATA, and measure it on held-out ones.

    DATA is a data set made by `cargan preprocess`, ./data by default. With --audio, the classifier
    of sounds is trained, which names the instrument where `cargan generate` is given no label; if
    there is none, `cargan train` makes one in the run.
    """
    from cargan_cli.configuring import config_for_data
    from cargan_cli.hints import command_line, same_config
    from cargan_cli.reporting import TerminalReporter
    from cargan_cli.tensorflow_import import import_tensorflow

    config = config_for_data(data, config_name, overrides)
    import_tensorflow()
    if audio:
        from cargan_tf.training.sound_classifier import train_sound_classifier

        heard = train_sound_classifier(data, config, out, TerminalReporter())
        click.echo(f"Right on {heard.accuracy:.1%} of {heard.clips} {heard.split} sounds.")
        return
    from cargan_tf.training.classifier import train_classifier

    report = train_classifier(data, config, out, TerminalReporter())
    click.echo(f"Right on {report.accuracy:.1%} of {report.photos} {report.split} photos.")
    elsewhere = [] if out is None else ["--classifier", out]
    config_again = same_config(config_name, overrides)
    click.echo(f"Next: {command_line('train', data, *elsewhere, *config_again)}")
