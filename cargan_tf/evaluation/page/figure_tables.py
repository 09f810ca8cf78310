"""An evaluation's figures as tables: metrics by kinds of pictures, and classes by metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cargan_tf.evaluation.page.figure_text import limits, number
from cargan_tf.evaluation.report import Report, Row


@dataclass(frozen=True)
class Cell:
    """A figure of a table: the number, and what limits it."""

    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class FigureLine:
    """One metric over several kinds of pictures."""

    title: str
    meaning: str
    better: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class FigureTable:
    """Metrics by kinds of pictures."""

    columns: tuple[str, ...]
    lines: tuple[FigureLine, ...]


def figure_table(report: Report, rows: Sequence[Row]) -> FigureTable:
    """A line a metric that any of the rows has, a column a row."""
    lines = [
        FigureLine(
            info.title,
            info.meaning,
            info.better,
            tuple(
                Cell(number(figure.value, info.share), tuple(limits(figure, info)))
                if (figure := row.figures.get(info.name)) is not None
                else None
                for row in rows
            ),
        )
        for info in report.metrics
        if any(info.name in row.figures for row in rows)
    ]
    return FigureTable(tuple(row.name for row in rows), tuple(lines))


def figures_by_class(report: Report, row: Row) -> FigureTable:
    """A line a class, with the metrics that have a figure for each class as columns."""
    infos = [
        info
        for info in report.metrics
        if info.name in row.figures and row.figures[info.name].by_class
    ]
    lines = []
    for label in report.labels:
        cells = []
        for info in infos:
            figure = (row.figures[info.name].by_class or {}).get(label)
            cells.append(None if figure is None else Cell(number(figure.value, info.share)))
        lines.append(FigureLine(label, "", "", tuple(cells)))
    return FigureTable(tuple(info.title for info in infos), tuple(lines))
