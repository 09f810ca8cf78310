"""`cargan distill`: a small model that learns the images of a trained one."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.completion import complete_models
from cargan_cli.options import (
    ANY_PATH,
    log_json_option,
    max_hours_option,
    resume_option,
    run_option,
    set_option,
)


@click.command("distill", short_help="Train a small model on the images of a trained one.")
@click.argument("teacher", metavar="NAME|PATH", type=ANY_PATH, shell_complete=complete_models)
@click.argument("data", type=ANY_PATH, default=Path("data"))
@run_option
@set_option
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs.  [default: 1 if there is one]")
@resume_option
@max_hours_option
@log_json_option
def command(
    teacher: Path,
    data: Path,
    run_path: Path | None,
    overrides: tuple[str, ...],
    gpus: int | None,
    resume: bool,
    max_hours: float | None,
    log_json: bool,
) -> None:
    """Train a narrow network with one stage on the images that a trained model (a run, an exported
    model, or its name) generates from the sounds of DATA (./data by default).

    configs/student.yaml is laid over the model's settings. The result is a run like any other: it
    is evaluated, exported and used in the same way.
    """
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import command_line, resumable, say_time_is_up
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.config import override
    from cargan_tf.errors import UserError
    from cargan_tf.training.run import Run

    import_tensorflow(start_devices=False)
    from cargan_tf.export.model_registry import export_folder
    from cargan_tf.export.trained_networks import read_initial_weights
    from cargan_tf.training.distillation import student_config, teacher_distance
    from cargan_tf.training.distribution import make_strategy
    from cargan_tf.training.trainer import Trainer

    strategy = make_strategy(gpus)
    weights = read_initial_weights(teacher)
    config = override(student_config(weights.config), overrides)
    run = Run(run_path or Path("runs") / config.name)
    if resume and not run.exists():
        raise UserError(f"nothing to resume: {run.path} holds no run. Name it with --run.")
    reporter = new_reporter(log_json, config.training.seed)
    trainer = Trainer(
        run, data, config, strategy, resume=resume, reporter=reporter, teacher=weights
    )
    with resumable("--resume"):
        result = trainer.train(max_hours)
    if not result.finished:
        say_time_is_up(result.step, trainer.total_steps)
        return
    with trainer.ema_weights():
        distance = teacher_distance(trainer.network, weights.cascade, data, config, trainer.dataset)
    if distance is not None:
        distance.write(run.path)
        click.echo(f"{distance.describe()}.")
    folder = export_folder(run.path.resolve().name, run.read_info().labels)
    click.echo(f"Next: {command_line('export', run.path, folder, '--float16')}")
