"""`cargan train`: the GAN, on one device or several."""

from __future__ import annotations

import os
from pathlib import Path

import click
from cargan_cli.completion import complete_models
from cargan_cli.options import (
    ANY_PATH,
    PATH,
    check_options,
    config_options,
    log_json_option,
    max_hours_option,
    resume_option,
    run_option,
)


@click.command("train", short_help="Train CAR-GAN on a data set.")
@click.argument("data", type=ANY_PATH, default=Path("data"))
@run_option
@config_options("the data set's own")
@click.option(
    "--gpus",
    type=click.IntRange(min=1),
    help="GPUs, under TF_CONFIG of each worker.  [default: 1 if there is one]",
)
@click.option(
    "--virtual-devices",
    type=click.IntRange(min=1),
    metavar="N",
    help="Split the CPU into N devices to rehearse a multi-GPU run.",
)
@click.option("--classifier", type=PATH, help="Folder of C.  [default: DATA/classifier]")
@click.option(
    "--init-from",
    type=ANY_PATH,
    metavar="NAME|PATH",
    shell_complete=complete_models,
    help="Start from the weights of a model or a run; configs/finetune.yaml is then laid over the"
    " data set's settings, unless --config is given.",
)
@resume_option
@max_hours_option
@click.option("--dry-run", is_flag=True, help="Build everything, print the run, train nothing.")
@log_json_option
@click.pass_context
def command(
    context: click.Context,
    data: Path,
    run_path: Path | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    gpus: int | None,
    virtual_devices: int | None,
    classifier: Path | None,
    init_from: Path | None,
    resume: bool,
    max_hours: float | None,
    dry_run: bool,
    log_json: bool,
) -> None:
    """Train CAR-GAN on DATA, a data set made by `cargan preprocess` (./data by default).

    Under TF_CONFIG, one worker of several that train together: DATA and the run must be the same
    folders for all.
    """
    check_options(context, exclusive=("init_from resume",))
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable, say_time_is_up
    from cargan_cli.options import config_for_data
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import overlay, override
    from cargan_tf.errors import UserError
    from cargan_tf.training.cluster import cluster_of
    from cargan_tf.training.run import Run

    config = config_for_data(data, config_name, overrides)
    if init_from is not None and config_name is None:
        config = override(overlay(config, "finetune"), overrides)
    run = Run(run_path or Path("runs") / config.name)
    if resume and not run.exists():
        raise UserError(f"nothing to resume: {run.path} holds no run. Name it with --run.")
    if resume and config_name is None:
        config = override(run.read_info().config, overrides)
    cluster = cluster_of(os.environ)  # before TensorFlow takes its seconds
    import_tensorflow(start_devices=False)
    from cargan_tf.training.conditioning_metrics import describe_conditioning
    from cargan_tf.training.distribution import make_strategy
    from cargan_tf.training.trainer import Trainer

    strategy = make_strategy(gpus, virtual_devices, cluster)
    reporter = new_reporter(log_json, config.training.seed)
    initial = None
    if init_from is not None:
        from cargan_tf.export.trained_networks import read_initial_weights

        initial = read_initial_weights(init_from)
    trainer = Trainer(run, data, config, strategy, classifier, resume, reporter, initial)
    if dry_run:
        click.echo(trainer.describe())
        return
    with resumable("--resume"):
        result = trainer.train(max_hours)
    if not result.finished:
        say_time_is_up(result.step, trainer.total_steps)
        return
    if not trainer.workers.is_chief:
        return  # the chief says what came of it
    if result.metrics is not None:
        click.echo(describe_conditioning(result.metrics))
    from cargan_tf.export.model_registry import export_folder

    folder = export_folder(run.path.resolve().name, run.read_info().labels)
    following = command_line("export", run.path, folder)
    click.echo(f"Next: {following}")
