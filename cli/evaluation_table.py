"""An evaluation on the terminal: a table a split, and what was not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cargan_tf.evaluation.report import MetricInfo, Report, SplitReport

#: Columns where standard output is no terminal, so that a file gets whole lines.
_FILE_WIDTH = 160


def print_report(report: Report) -> None:
    """Every figure, with what it is to be compared with, to standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cargan_tf.evaluation.page.figure_text import ARROWS

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_FILE_WIDTH)
    for split in report.splits:
        of = "" if split.pairs == split.available else f" of {split.available}"
        title = f"{split.split}: {split.pairs}{of} clips"
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for row in split.rows:
            table.add_column(Text(row.name), justify="right")  # a run's name may hold brackets
        table.add_column("to compare with")
        for info in report.metrics:
            table.add_row(info.title + ARROWS[info.better], *_cells(split, info))
        console.print(table)
    for network in report.networks:
        right = "" if network.accuracy is None else f", right on {network.accuracy:.1%} of photos"
        line = f"{network.name}: {network.what}{right}; weights {network.weights_hash[:12]}"
        console.print(line, markup=False)
    for unmeasured in report.not_measured:
        console.print(f"Not measured: {unmeasured.what}: {unmeasured.why}", markup=False)


def _cells(split: SplitReport, info: MetricInfo) -> list[str]:
    """A metric's value in each row, and the limits of the first one's."""
    from cargan_tf.evaluation.page.figure_text import limits, number

    figures = [row.figures.get(info.name) for row in split.rows]
    values = ["–" if figure is None else number(figure.value, info.share) for figure in figures]
    first = figures[0]
    return [*values, "" if first is None else ", ".join(limits(first, info))]
