"""A measured table on the terminal; as Markdown where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cargan_tf.evaluation.tables.measured_table import MeasuredTable


def print_table(table: MeasuredTable) -> None:
    """The table and what one needs to judge it, to standard output."""
    from rich.console import Console
    from rich.table import Table

    from cargan_tf.evaluation.tables.text import cells, headings, notes, to_markdown

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
