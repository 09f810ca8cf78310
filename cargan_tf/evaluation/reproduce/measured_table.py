"""A measured table of the paper: means over seeds, and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from pydantic import TypeAdapter

from cargan_tf.evaluation.report import MetricInfo, MetricValue, NetworkInfo, Report
from cargan_tf.evaluation.reproduce.paper_tables import Column, PaperRow, PaperTable


@dataclass(frozen=True)
class RunNote:
    """One run that a row was measured on.

    Attributes:
        path: its directory.
        seed: of its training.
        step: its last.
        training_seconds: spent in steps, on whatever machine that was.
        config_hash: of its configuration.
        checkpoint_hash: of its weights.
    """

    path: str
    seed: int
    step: int
    training_seconds: float
    config_hash: str
    checkpoint_hash: str


@dataclass(frozen=True)
class Measured:
    """What is known of one run: its evaluation and its note."""

    report: Report
    note: RunNote


@dataclass(frozen=True)
class Cell:
    """One value of one row.

    Attributes:
        mean: over the seeds.
        std: standard deviation over the seeds; absent of a single one.
        values: as measured, one per seed.
    """

    mean: float
    std: float | None
    values: tuple[MetricValue, ...]


@dataclass(frozen=True)
class MeasuredRow:
    """One system, with the paper's values and this project's by the column's key."""

    name: str
    title: str
    paper: dict[str, float]
    cells: dict[str, Cell]  # without what was not measured
    runs: tuple[RunNote, ...]


@dataclass(frozen=True)
class MeasuredColumn:
    """One value of every row; ``split`` is the data's own name of it."""

    key: str
    title: str
    split: str
    info: MetricInfo | None  # absent as long as nothing is measured


@dataclass(frozen=True)
class TableProvenance:
    """What a table was made from.

    Attributes:
        config_name: of the base configuration, over which each row's is laid.
        data: the data set's folder.
        data_hash: SHA-256 of its description.
        held_out: the data's own name of the split that the columns call ``test``.
        seeds: asked for; a row without a run of each of them is not finished.
    """

    config_name: str
    data: str
    data_hash: str
    held_out: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class MeasuredTable:
    """A table as far as it has been measured.

    Attributes:
        networks: that looked at the images.
        versions: of Python and of packages.
    """

    name: str
    title: str
    source: str
    provenance: TableProvenance
    columns: tuple[MeasuredColumn, ...]
    rows: tuple[MeasuredRow, ...]
    networks: tuple[NetworkInfo, ...]
    versions: dict[str, str]

    @property
    def finished(self) -> bool:
        """Whether every row has a run of every seed."""
        return all(len(row.runs) == len(self.provenance.seeds) for row in self.rows)

    def to_json(self) -> dict[str, object]:
        """As JSON values."""
        values: dict[str, object] = _ADAPTER.dump_python(self, mode="json", exclude_none=True)
        return values


def measured_row(
    row: PaperRow, columns: Sequence[Column], measured: Sequence[Measured], held_out: str
) -> MeasuredRow:
    """``row`` from the evaluations of its runs, one per seed."""
    cells = {}
    for column in columns:
        found = [_value(one.report, row, column, held_out) for one in measured]
        measurements = tuple(result for result in found if result is not None)
        if measurements:
            values = [result.value for result in measurements]
            std = stdev(values) if len(values) > 1 else None
            cells[column.key] = Cell(fmean(values), std, measurements)
    return MeasuredRow(
        row.name, row.title, dict(row.paper), cells, tuple(one.note for one in measured)
    )


def measured_table(
    table: PaperTable,
    measured: Mapping[str, Sequence[Measured]],
    provenance: TableProvenance,
) -> MeasuredTable:
    """``table`` as far as it is measured.

    Args:
        table: gives title, columns and rows.
        measured: evaluations by the row's overlay, one per seed; fewer while work is under way.
        provenance: what all were made from.
    """
    reports = [one.report for found in measured.values() for one in found]
    infos = {info.name: info for report in reports for info in report.metrics}
    networks = {network.name: network for report in reports for network in report.networks}
    columns = tuple(
        MeasuredColumn(
            column.key,
            column.title,
            _split(column, provenance.held_out),
            infos.get(column.metric),
        )
        for column in table.columns
    )
    return MeasuredTable(
        name=table.name,
        title=table.title,
        source=table.source,
        provenance=provenance,
        columns=columns,
        rows=tuple(
            measured_row(row, table.columns, measured.get(row.overlay, ()), provenance.held_out)
            for row in table.rows
        ),
        networks=tuple(networks.values()),
        versions=reports[-1].provenance.versions if reports else {},
    )


def _split(column: Column, held_out: str) -> str:
    return held_out if column.split == "test" else column.split


def _value(report: Report, row: PaperRow, column: Column, held_out: str) -> MetricValue | None:
    try:
        values = report.split(_split(column, held_out)).row(row.images).values
    except KeyError:
        return None
    return values.get(column.metric)


_ADAPTER = TypeAdapter(MeasuredTable)
