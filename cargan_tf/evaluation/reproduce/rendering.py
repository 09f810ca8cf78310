"""A reproduced table as Markdown, HTML and terminal text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cargan_tf.errors import counted
from cargan_tf.evaluation.html.formatting import ARROWS, environment, limits, number
from cargan_tf.evaluation.html.image_strips import (
    Comparison,
    Shown,
    comparison_file,
    data_uri,
    load_comparison,
)
from cargan_tf.evaluation.reproduce.measured_table import (
    Cell,
    MeasuredColumn,
    MeasuredRow,
    MeasuredTable,
)
from cargan_tf.utils.files import write_atomically

NOT_YET, NOT_MEASURED, NOT_IN_PAPER = "…", "–", ""


def headings(table: MeasuredTable) -> list[str]:
    """Of all columns but the first; the paper's stand before the measured ones."""
    found = []
    for column in table.columns:
        if _in_paper(table, column):
            found.append(f"{column.title}, paper")
        found.append(f"{column.title}{ARROWS[column.info.better] if column.info else ''}")
    return found


def cells(table: MeasuredTable, row: MeasuredRow) -> list[str]:
    """Of one row, under ``headings``."""
    found = []
    for column in table.columns:
        if _in_paper(table, column):
            printed = row.paper.get(column.key)
            found.append(NOT_IN_PAPER if printed is None else f"{printed:.4f}")
        found.append(_cell(row, column))
    return found


def notes(table: MeasuredTable) -> list[str]:
    """Notes on how the table was measured, a sentence or two each."""
    return [*_comparison(table), *_column_notes(table), *_networks(table), *_provenance(table)]


def to_markdown(table: MeasuredTable) -> str:
    """The table, its notes, and its runs."""
    template = environment().get_template("table.md.jinja")
    rows = [(row, cells(table, row)) for row in table.rows]
    runs = {run.path: run for row in table.rows for run in row.runs}
    return template.render(
        table=table,
        headings=headings(table),
        rows=rows,
        notes=notes(table),
        runs=runs.values(),
    )


def _in_paper(table: MeasuredTable, column: MeasuredColumn) -> bool:
    return any(column.key in row.paper for row in table.rows)


def _cell(row: MeasuredRow, column: MeasuredColumn) -> str:
    cell = row.cells.get(column.key)
    if cell is None:
        return NOT_MEASURED if row.runs else NOT_YET
    fraction = column.info is not None and column.info.fraction
    text = number(cell.mean, fraction)
    if cell.std is not None:
        return f"{text} ± {number(cell.std, fraction)}"
    value = cell.values[0]
    if value.std is not None:
        text = f"{text} ± {number(value.std, fraction)}"
    if value.interval is not None:
        low, high = (number(edge, fraction) for edge in value.interval)
        return f"{text} ({low}–{high})"
    return text


def _comparison(table: MeasuredTable) -> Iterator[str]:
    splits = dict.fromkeys(column.split for column in table.columns)
    yield (
        f"The paper's columns: {table.source}. The others were measured here, on the"
        f" {' and '.join(splits)} split of {table.provenance.data}: unless that is the paper's"
        f" data at"
        " its size, rows are to be compared with rows, not with the paper's numbers."
    )
    if len(table.provenance.seeds) > 1:
        yield f"Mean ± standard deviation over {len(table.provenance.seeds)} seeds."
    else:
        yield (
            "One seed; in brackets the 95 % interval of a fraction (Wilson); ± is the standard"
            " deviation over evaluators."
        )


def _column_notes(table: MeasuredTable) -> Iterator[str]:
    """Numbers of images, chance, floor and rank of each column, where one value has them."""
    for column in table.columns:
        cell = _first_cell(table, column)
        if cell is None or column.info is None:
            continue
        value, info = cell.values[0], column.info
        counts = counted(value.images, "image")
        counts += f", {value.real} real photos" if value.real else ""
        by = f", network {value.network}" if value.network else ""
        about = "".join(f", {limit}" for limit in limits(value, info))
        yield f"{column.title}: {counts}{by}{about}. {info.meaning}"


def _first_cell(table: MeasuredTable, column: MeasuredColumn) -> Cell | None:
    return next((row.cells[column.key] for row in table.rows if column.key in row.cells), None)


def _networks(table: MeasuredTable) -> Iterator[str]:
    for network in table.networks:
        accuracy = (
            "" if network.accuracy is None else f", accuracy {network.accuracy:.3f} on photos"
        )
        yield (
            f"Network {network.name}: {network.description}{accuracy}; resize {network.resize};"
            f" weights {network.weights_hash[:12]}."
        )


def _provenance(table: MeasuredTable) -> Iterator[str]:
    provenance = table.provenance
    versions = ", ".join(f"{name} {version}" for name, version in table.versions.items())
    yield (
        f"Configuration {provenance.config_name}, data {provenance.data} (dataset.json"
        f" {provenance.data_hash[:12]}), seeds {', '.join(map(str, provenance.seeds))}. {versions}."
    )


@dataclass(frozen=True)
class Line:
    """One clip: its sound, the real photo, and the image of each system."""

    label: str
    images: tuple[Shown, ...]


def write_table_html(table: MeasuredTable, path: Path) -> None:
    """Write the page; like the evaluation's it needs nothing else."""
    runs = {run.path: run for row in table.rows for run in row.runs}
    page = environment().get_template("table.html.jinja")
    text = page.render(
        table=table,
        headings=headings(table),
        rows=[(row, cells(table, row)) for row in table.rows],
        notes=notes(table),
        runs=list(runs.values()),
        lines=_lines(_generated(table)),
    )
    write_atomically(path, text.encode())


def _generated(table: MeasuredTable) -> dict[str, Comparison]:
    """Example strips of the first run of each row; the clips are the same."""
    found: dict[str, Comparison] = {}
    paths: set[str] = set()
    for row in table.rows:
        if row.runs and row.runs[0].path not in paths:
            paths.add(row.runs[0].path)
            path = Path(row.runs[0].path)
            comparison = load_comparison(comparison_file(path, table.provenance.held_out))
            first = next(iter(found.values()), comparison)
            if comparison is not None and first is not None and comparison.keys == first.keys:
                found[row.title.partition(":")[0]] = comparison
    return found


def _lines(generated: Mapping[str, Comparison]) -> list[Line]:
    if not generated:
        return []
    first = next(iter(generated.values()))
    lines = []
    for position, (key, label) in enumerate(zip(first.keys, first.labels, strict=True)):
        images = {
            "sound": first.sounds[position],
            "real photo": first.photos[position],
            **{title: comparison.refined[position] for title, comparison in generated.items()},
        }
        shown = [
            Shown(title, f"{title}: {label}, {key}", data_uri(Image.fromarray(image)))
            for title, image in images.items()
        ]
        lines.append(Line(label, tuple(shown)))
    return lines
