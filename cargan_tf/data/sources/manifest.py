"""Reads a CSV file of pairs: ``split,label,recording,start_ms,audio,image``.

Without ``split``, or where it is empty, recordings are dealt out to the splits. Further columns:
``player`` names who is seen; ``offset_ms`` (0 if absent) says where in the audio file the clip
begins, so that one long recording can serve many rows. Other columns are ignored.
"""

from __future__ import annotations

from pathlib import Path

from cargan_tf.data.pairs import NO_SPLIT, Pair, PairCollector, Source
from cargan_tf.data.sources.tables import MAX_MS, RowError, confined_file, read_rows, split_of
from cargan_tf.errors import UserError, did_you_mean

KIND = "manifest"
COLUMNS = ("split", "label", "recording", "start_ms", "audio", "image")
REQUIRED_COLUMNS = COLUMNS[1:]
MANIFEST_NAME = "manifest.csv"


def find_manifest(path: Path) -> Path | None:
    """``path`` if it is a CSV file, or the ``manifest.csv`` in it."""
    if path.is_file():
        return path if path.suffix.lower() == ".csv" else None
    inside = path / MANIFEST_NAME
    return inside if inside.is_file() else None


def read_manifest(path: Path) -> Source:
    """The pairs of the CSV file at ``path``; its own folder is the root of all paths in it.

    Labels are kept as written, without the blanks around them. A row with a bad value or a
    missing file is skipped and named by its line.

    Raises:
        UserError: not a CSV file in UTF-8, a column is missing, or a path leaves the folder.
    """
    root = path.parent.resolve()
    collector = PairCollector()
    header, rows = read_rows(path)
    _check_header(path, header)
    for line, row in rows:
        what = f"{path.name} line {line}"
        try:
            collector.add(_pair(row, root, f"{path} line {line}"), what)
        except RowError as error:
            collector.skip(what, str(error))
    return collector.source(root, KIND)


def _check_header(path: Path, header: list[str]) -> None:
    for column in REQUIRED_COLUMNS:
        if column not in header:
            present = ", ".join(header) or "nothing"
            raise UserError(
                f"{path} has no column {column!r}; its first line names {present}."
                f"{did_you_mean(column, (name for name in header if name not in COLUMNS))}"
            )


def _pair(row: dict[str, str], root: Path, where: str) -> Pair:
    for column in ("label", "recording", "audio", "image"):
        if not row[column]:
            raise RowError(f"{column} is empty")
    return Pair(
        split=split_of(row["split"]) if row.get("split") else NO_SPLIT,
        label=row["label"],
        recording=row["recording"],
        start_ms=_milliseconds(row, "start_ms"),
        audio=confined_file(row["audio"], root, f"{where}, audio"),
        image=confined_file(row["image"], root, f"{where}, image"),
        player=row.get("player", ""),
        source=row.get("source", ""),
        midi=_midi(row.get("midi", "")),
        offset_ms=_milliseconds(row, "offset_ms") if row.get("offset_ms") else 0,
    )


def _midi(text: str) -> float | None:
    if not text:
        return None
    try:
        key = float(text)
    except ValueError:
        key = -1.0
    if not 0 <= key <= 127:
        raise RowError(f"midi {text!r} is not a MIDI key from 0 to 127")
    return key


def _milliseconds(row: dict[str, str], column: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_MS):
        raise RowError(f"{column} {text!r} is not a whole number of milliseconds up to {MAX_MS}")
    return int(text)
