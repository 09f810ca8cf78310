"""Reads a CSV file of pairs: ``split,label,recording,start_ms,audio,image``.

Further columns: ``player`` names who is seen; ``offset_ms`` (0 if absent) says where in the audio
file the clip begins, so that one long recording can serve many rows. Others are passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cargan_tf.data.pairs import SPLITS, Pair, PairCollector, Source
from cargan_tf.errors import UserError, did_you_mean

KIND = "manifest"
COLUMNS = ("split", "label", "recording", "start_ms", "audio", "image")
MANIFEST_NAME = "manifest.csv"

#: A day in milliseconds: no recording is longer, a greater number is a slip.
MAX_MS = 86_400_000


class _RowError(Exception):
    """Why one row gives no pair."""


def read_manifest(path: Path) -> Source:
    """The pairs of the CSV file at ``path``; its own folder is the root of all paths in it.

    Labels are kept as written, without the blanks around them. A row with a bad value or a
    missing file is left out and named by its line.

    Raises:
        UserError: not a CSV file in UTF-8, a column is missing, or a path leaves the folder.
    """
    root = path.parent.resolve()
    collector = PairCollector()
    for line, row in _rows(path):
        what = f"{path.name} line {line}"
        try:
            collector.add(_pair(row, root, f"{path} line {line}"), what)
        except _RowError as error:
            collector.drop(what, str(error))
    return collector.source(root, KIND)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and stripped values of every row."""
    try:
        text = path.read_text("utf-8-sig")  # spreadsheets put a byte-order mark in front
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: save it as CSV in UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        _check_header(path, header)
        reader.fieldnames = header
        for row in reader:
            yield (
                reader.line_num,
                {name: value.strip() for name, value in row.items() if isinstance(value, str)},
            )
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num + 1} is not valid CSV: {error}.") from error


def _check_header(path: Path, header: list[str]) -> None:
    for column in COLUMNS:
        if column not in header:
            present = ", ".join(header) or "nothing"
            raise UserError(
                f"{path} has no column {column!r}; its first line names {present}."
                f"{did_you_mean(column, (name for name in header if name not in COLUMNS))}"
            )


def _pair(row: dict[str, str], root: Path, where: str) -> Pair:
    split = row["split"].lower()
    if split not in SPLITS:
        raise _RowError(f"split {row['split']!r} is not one of {', '.join(SPLITS)}")
    for column in ("label", "recording", "audio", "image"):
        if not row[column]:
            raise _RowError(f"{column} is empty")
    return Pair(
        split=split,
        label=row["label"],
        recording=row["recording"],
        start_ms=_milliseconds(row, "start_ms"),
        audio=_file(row["audio"], root, f"{where}, audio"),
        image=_file(row["image"], root, f"{where}, image"),
        player=row.get("player", ""),
        offset_ms=_milliseconds(row, "offset_ms") if row.get("offset_ms") else 0,
    )


def _milliseconds(row: dict[str, str], column: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_MS):
        raise _RowError(f"{column} {text!r} is not a whole number of milliseconds up to {MAX_MS}")
    return int(text)


def _file(text: str, root: Path, where: str) -> Path:
    """The file that ``text`` names within ``root``, links resolved.

    A data set from elsewhere must not read files outside its own folder into a model.
    """
    named = Path(text)
    if "\0" in text:
        raise _RowError(f"{where.rpartition(', ')[2]} holds a null character")
    path = _resolved(root / named.parent) / named.name
    if named.name in ("", "..") or path.is_symlink():
        path = path.resolve()
    if named.is_absolute() or not path.is_relative_to(root):
        raise UserError(
            f"{where}: {text!r} leads out of {root}; paths must be relative to the CSV file's"
            " folder and stay in it."
        )
    if not path.is_file():
        raise _RowError(f"no file {text}")
    return path


@cache
def _resolved(folder: Path) -> Path:
    """``folder`` without links: resolved once, as tens of thousands of files share it."""
    return folder.resolve()
