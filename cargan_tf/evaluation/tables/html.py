"""A measured table as one page: the cells, the notes, and the same sounds drawn by every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cargan_tf.evaluation.page.comparison import FILE, Comparison, load_comparison
from cargan_tf.evaluation.page.pictures import Shown, data_uri
from cargan_tf.evaluation.page.templating import environment
from cargan_tf.evaluation.report import FOLDER
from cargan_tf.evaluation.tables.measured_table import MeasuredTable
from cargan_tf.evaluation.tables.text import cells, headings, notes
from cargan_tf.files import write_atomically


@dataclass(frozen=True)
class Line:
    """One clip: its sound, the real photo, and what each system draws."""

    label: str
    pictures: tuple[Shown, ...]


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
        lines=_lines(_drawn(table)),
    )
    write_atomically(path, text.encode())


def _drawn(table: MeasuredTable) -> dict[str, Comparison]:
    """What the first run of each row drew, of those that drew the same clips."""
    found: dict[str, Comparison] = {}
    paths: set[str] = set()
    for row in table.rows:
        if row.runs and row.runs[0].path not in paths:
            paths.add(row.runs[0].path)
            comparison = load_comparison(Path(row.runs[0].path) / FOLDER / FILE)
            first = next(iter(found.values()), comparison)
            if comparison is not None and first is not None and comparison.keys == first.keys:
                found[row.title.partition(":")[0]] = comparison
    return found


def _lines(drawn: Mapping[str, Comparison]) -> list[Line]:
    if not drawn:
        return []
    first = next(iter(drawn.values()))
    lines = []
    for place, (key, label) in enumerate(zip(first.keys, first.labels, strict=True)):
        pictures = {
            "sound": first.sounds[place],
            "real photo": first.photos[place],
            **{title: comparison.refined[place] for title, comparison in drawn.items()},
        }
        shown = [
            Shown(title, f"{title}: {label}, {key}", data_uri(Image.fromarray(picture)))
            for title, picture in pictures.items()
        ]
        lines.append(Line(label, tuple(shown)))
    return lines
