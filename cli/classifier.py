"""`cargan classifier`: C, the evaluators of what an image shows, or the sound classifier."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import ANY_PATH, PATH, check_options, config_options, log_json_option


@click.command("classifier", short_help="Train the classifier C on real photos.")
@click.argument("data", type=ANY_PATH, default=Path("data"))
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Folder for the weights.  [default: DATA/classifier, DATA/sound_classifier]",
)
@click.option(
    "--evaluator", is_flag=True, help="Train the independent evaluators instead, DATA/evaluators."
)
@click.option("--audio", is_flag=True, help="Train the classifier of sounds instead.")
@config_options("the data set's own")
@log_json_option
@click.pass_context
def command(
    context: click.Context,
    data: Path,
    out: Path | None,
    evaluator: bool,
    audio: bool,
    config_name: str | None,
    overrides: tuple[str, ...],
    log_json: bool,
) -> None:
    """Train the classifier C on the real photos of DATA, and measure it on held-out ones.

    DATA is a data set made by `cargan preprocess`, ./data by default. C guides the generators.
    --evaluator trains the independent networks that classify generated images in `cargan
    evaluate`, which otherwise trains them on first use. --audio trains the sound classifier, which
    recognizes the instrument in `cargan generate` without --label; `cargan train` otherwise does.
    """
    check_options(context, exclusive=("evaluator audio",))
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable, same_config
    from cargan_cli.options import config_for_data
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.errors import UserError, counted

    if evaluator and out is not None:
        raise UserError(
            "the evaluators are kept in DATA/evaluators, where evaluations look: omit --out."
        )
    config = config_for_data(data, config_name, overrides)
    import_tensorflow()
    reporter = new_reporter(log_json, config.training.seed)
    if evaluator:
        from cargan_tf.evaluation.networks.evaluator import train_evaluators

        with resumable():
            trained = train_evaluators(data, config, reporter)
        each = ", ".join(f"{accuracy:.1%}" for accuracy in trained.accuracies)
        click.echo(f"Accuracy {each} on {trained.photos} {trained.split} photos.")
        return
    if audio:
        from cargan_tf.training.classifiers.train_sound_classifier import train_sound_classifier

        with resumable():
            sound = train_sound_classifier(data, config, out, reporter)
        click.echo(
            f"Accuracy {sound.accuracy:.1%} on {sound.clips} {sound.split} clips,"
            f" {sound.augmented.accuracy:.1%} if augmented, {sound.recordings.accuracy:.1%} of"
            f" {counted(sound.recordings.count, 'recording')}; expected calibration error"
            f" {sound.clean.error:.3f}, {sound.augmented.error:.3f} if augmented."
        )
        if sound.others_rejected is not None:
            click.echo(f"Rejects {sound.others_rejected:.1%} of other sounds.")
        return
    from cargan_tf.training.classifiers.train_classifier import train_classifier

    with resumable():
        report = train_classifier(data, config, out, reporter)
    click.echo(f"Accuracy {report.accuracy:.1%} on {report.photos} {report.split} photos.")
    elsewhere = [] if out is None else ["--classifier", out]
    config_again = same_config(config_name, overrides)
    click.echo(f"Next: {command_line('train', data, *elsewhere, *config_again)}")
