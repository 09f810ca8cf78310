"""`cargan reproduce`: the paper's tables."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.options import ANY_PATH, PATH, config_options, log_json_option

if TYPE_CHECKING:
    from cargan_tf.evaluation.reproduce.measured_table import MeasuredTable


def print_table(table: MeasuredTable) -> None:
    """Print the table and its notes."""
    from rich.console import Console
    from rich.table import Table

    from cargan_tf.evaluation.reproduce.rendering import cells, headings, notes, to_markdown

    console = Console(highlight=False)
    if not console.is_terminal:
        click.echo(to_markdown(table))
        return
    shown = Table(title=table.title, title_justify="left")
    shown.add_column("")
    for heading in headings(table):
        shown.add_column(heading, justify="right")
    for row in table.rows:
        shown.add_row(row.title, *cells(table, row))
    console.print(shown)
    for note in notes(table):
        console.print(f"- {note}", markup=False)


@click.command("reproduce", short_help="Make a table of the paper: train, evaluate, compare.")
@click.argument("table", type=click.Choice(["table1", "table2", "options"]))
@click.argument("data", type=ANY_PATH, default=Path("data"))
@click.option("-o", "--out", type=PATH, help="Runs and tables.  [default: reproduced/CONFIG]")
@config_options("the data set's own")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Runs per row."
)
@click.option("--only", multiple=True, metavar="ROW", help="Only this row. Repeatable.")
@click.option("--gpus", type=click.IntRange(min=1), help="GPUs.  [default: 1 if there is one]")
@click.option("--features", metavar="NAME", help="The feature network of FID, KID and IS.")
@click.option("--force", is_flag=True, help="Evaluate finished runs again.")
@log_json_option
def command(
    table: str,
    data: Path,
    out: Path | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    seeds: int,
    only: tuple[str, ...],
    gpus: int | None,
    features: str | None,
    force: bool,
    log_json: bool,
) -> None:
    """Make a table of the paper from DATA (./data by default), next to the paper's values.

    table1: the ablations A to E. table2: S2IC, CMCGAN and CAR-GAN. options: each published option
    added to the full model, measured on the validation split. Every table has controls: a model
    trained with shuffled sounds, and the mean and median photo of each class and of each player.
    Missing runs are trained and evaluated, one after the other; runs evaluated otherwise than this
    call asks for are evaluated again. Run the command again after an interruption to continue;
    tables share their runs.
    """
    from cargan_cli.logs import new_reporter
    from cargan_cli.next_steps import resumable
    from cargan_cli.options import config_for_data
    from cargan_cli.tensorflow_import import begin_process

    config = config_for_data(data, config_name, overrides)
    from cargan_tf.evaluation.reproduce.reproduce import reproduce

    folder = out or Path("reproduced") / config.name
    with resumable():
        result = reproduce(
            table,
            data,
            config,
            folder,
            seeds=seeds,
            only=only,
            gpus=gpus,
            features=features,
            evaluate_again=force,
            prepare=partial(begin_process, log_json),
            reporter=new_reporter(
                log_json, config.training.seed, devices=()
            ),  # each run has its own
        )
    print_table(result)
    click.echo(f"Table: {folder / table}.md, and with images {folder / table}.html")
