"""Reads a table of pairs: ``label,audio,image``, and ``split,recording,start_ms`` if it has them.

``start_ms`` is where a clip begins in its recording, ``offset_ms`` where it begins in its sound
file. Without ``offset_ms`` the two are the same, unless the sound files are pieces that were cut
out of the recording: then each is heard from its beginning (see :func:`_offsets`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cargan_tf.audio.decode import open_sound
from cargan_tf.data.pairs import NO_SPLIT, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import SourceFolder, entries, relative, visible
from cargan_tf.data.sources.tables import (
    RowError,
    Table,
    check_columns,
    decimal_number,
    open_table,
    plain_name,
    split_in_name,
    split_of,
    translated_columns,
    unused_columns,
    whole_milliseconds,
)
from cargan_tf.data.video_reading import is_video, read_facts
from cargan_tf.errors import UserError, counted

KIND = "manifest"
REQUIRED_COLUMNS: Final = ("label", "audio", "image")
COLUMNS: Final = (
    *REQUIRED_COLUMNS,
    *("split", "recording", "start_ms", "offset_ms", "player", "midi", "source"),
)
#: What else ``cargan sample-data`` writes down of its pairs, for those who check them.
_TRUTH_COLUMNS: Final = ("loudness_db", "pose_pitch", "pose_loudness")
MANIFEST_NAME = "manifest.csv"

#: Tables that spreadsheets save as text, and workbooks, which are refused with advice.
_TEXT_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})
_WORKBOOK_SUFFIXES: Final = frozenset({".xlsx", ".xls", ".ods", ".numbers"})

#: Without these a pair means something else, so that a near name is asked about, not passed over.
_DECISIVE: Final = ("split", "recording", "start_ms", "offset_ms")

#: The paper's half second (Sec. 3).
_CLIP_MS: Final = 500


@dataclass(frozen=True)
class _Row:
    """A pair as the table gives it; what it does not say is None."""

    pair: Pair
    what: str
    start_ms: int | None
    offset_ms: int | None


def find_manifest(path: Path) -> Path | None:
    """``path`` if it is a table; in a folder, its ``manifest.csv`` or its only table of pairs; the
    folder itself, if it has a table for each split.

    A folder that holds nothing but a folder stands for that one, as archives are unpacked.

    Raises:
        UserError: a folder has several tables, of which any may be meant.
    """
    if path.is_file():
        suffix = path.suffix.lower()
        named = suffix in {".csv", ".tsv"} | _WORKBOOK_SUFFIXES
        return path if named or (suffix == ".txt" and _is_manifest(path)) else None
    inside = path / MANIFEST_NAME
    if inside.is_file():
        return inside
    if not path.is_dir():
        return None
    tables = _tables_in(path)
    if len(tables) == 1:
        return tables[0]
    if tables:
        splits = {split_in_name(table) for table in tables} - {NO_SPLIT}
        if len(splits) < len(tables):
            names = ", ".join(table.name for table in tables)
            raise UserError(f"{path} holds several tables of pairs; name one: {names}.")
        return path
    folders = [folder for folder in entries(path, path) if folder.is_dir()]
    return find_manifest(folders[0]) if len(folders) == 1 else None


def read_manifest(path: Path, clip_ms: int = _CLIP_MS) -> Source:
    """The pairs of the table at ``path``; its own folder is the root of all paths in it.

    A folder stands for its tables, each of the split that it is named after. Without ``split``, or
    where it is empty, a pair has no split. Without ``recording`` each sound file is a recording. A
    row with a bad value or a missing file is skipped and named by its line.

    Args:
        path: what :func:`find_manifest` returned.
        clip_ms: length of a clip.

    Raises:
        UserError: not a table of text, a column is missing or has nearly the name of a known one,
            or a path leaves the folder.
    """
    folder = SourceFolder(path.parent if path.is_file() else path)
    collector = PairCollector()
    rows: list[_Row] = []
    if path.is_file():
        rows += _read_rows(path, folder, collector, NO_SPLIT)
    else:
        for file in _tables_in(path):
            rows += _read_rows(file, folder, collector, split_in_name(file))
    cut = 0
    for one, offset in zip(rows, _offsets(rows, clip_ms), strict=True):
        start = offset if one.start_ms is None else one.start_ms
        cut += one.offset_ms is None and offset > 0
        collector.add(replace(one.pair, start_ms=start, offset_ms=offset), one.what)
    if cut:
        collector.notes.append(
            f"{counted(cut, 'clip begins', 'clips begin')} at start_ms within their sound file, as"
            " there is no offset_ms"
        )
    collector.notes += folder.notes()
    return collector.source(folder.root, KIND)


def _tables_in(folder: Path) -> list[Path]:
    return [file for file in visible(folder) if file.is_file() and _is_manifest(file)]


def _read_rows(
    path: Path, folder: SourceFolder, collector: PairCollector, split: str
) -> Iterator[_Row]:
    """The rows of one table; those that name no split are of ``split``."""
    table = open_table(path)
    columns = _columns(path, table)
    collector.notes += [*table.assumed, *_column_notes(path, table, columns)]
    spelled: list[str] = []
    for line, values in table.rows:
        what = f"{path.name} line {line}"
        try:
            named = table.named(values, columns.values())
            row = {column: named[name] for column, name in columns.items()}
            row["split"] = row.get("split") or split
            yield _row(row, folder, what, f"{path} line {line}")
        except RowError as error:
            collector.skip(what, str(error))
            continue
        times = (row.get(column, "") for column in ("start_ms", "offset_ms"))
        spelled += [text for text in times if text and not text.isdecimal()]
    if spelled:
        read = f"{spelled[0]} as {whole_milliseconds(spelled[0])} ms"
        collector.notes.append(f"times of {path.name} were read without decimals, such as {read}")


def _is_manifest(path: Path) -> bool:
    """Whether the file's first line names all that a pair needs."""
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        return False
    try:
        names = open_table(path).names
    except UserError:
        return False
    known = {*map(plain_name, names), *translated_columns(names)}
    return known.issuperset(REQUIRED_COLUMNS)


def _columns(path: Path, table: Table) -> dict[str, str]:
    """Known columns and what they are called in the table; near ones are asked about."""
    known = {plain_name(column): column for column in COLUMNS}
    found: dict[str, str] = {}
    for name in table.names:
        column = known.get(plain_name(name))
        if column in found:
            raise UserError(
                f"{path} has two columns {column!r} ({found[column]!r} and {name!r}): remove one."
            )
        if column is not None:
            found[column] = name
    for column, name in translated_columns(table.names).items():
        found.setdefault(column, name)
    required = [column for column in REQUIRED_COLUMNS if column not in found]
    decisive = [column for column in _DECISIVE if column not in found]
    check_columns(path, table.names, found.values(), required, decisive)
    return found


def _column_notes(path: Path, table: Table, columns: dict[str, str]) -> list[str]:
    missing = [column for column in COLUMNS if column not in columns]
    known = [*columns.values(), *_TRUTH_COLUMNS]
    notes = unused_columns(path, table.names, known, missing)
    words = [
        f"{name} as {column}"
        for column, name in columns.items()
        if plain_name(name) != plain_name(column)
    ]
    if words:
        notes.append(f"columns of {path.name} were read in another language: {', '.join(words)}")
    if "recording" not in columns:
        notes.append(
            "without a column 'recording', each sound file counts as a recording: if several are"
            " of one, name it, so that it is not divided between splits"
        )
    return notes


def _row(row: dict[str, str], folder: SourceFolder, what: str, where: str) -> _Row:
    for column in ("label", "recording", "audio", "image"):
        if row.get(column) == "":
            raise RowError(f"{column} is empty")
    split = split_of(row["split"]) if row["split"] else NO_SPLIT
    start, offset = (_milliseconds(row, column) for column in ("start_ms", "offset_ms"))
    audio = folder.file(row["audio"], f"{where}, audio")
    pair = Pair(
        split=split,
        label=row["label"],
        recording=row.get("recording") or relative(audio.with_suffix(""), folder.root),
        start_ms=0,
        audio=audio,
        image=folder.file(row["image"], f"{where}, image"),
        player=row.get("player", ""),
        source=row.get("source", ""),
        midi=_midi(row.get("midi", "")),
    )
    return _Row(pair, what, start, offset)


def _milliseconds(row: dict[str, str], column: str) -> int | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        return whole_milliseconds(text)
    except RowError as error:
        raise RowError(f"{column} {error}") from error


def _midi(text: str) -> float | None:
    if not text:
        return None
    try:
        key = decimal_number(text)
    except RowError:
        key = -1.0
    if not 0 <= key <= 127:
        raise RowError(f"midi {text!r} is not a MIDI key from 0 to 127")
    return key


def _offsets(rows: list[_Row], clip_ms: int) -> list[int]:
    """Where each clip begins in its sound file.

    That is ``offset_ms``, where the row says it, else ``start_ms``: a sound file that rows of
    several starts name is the recording itself. Files that serve a single start may be pieces cut
    out of the recording beforehand; they are, if one of them is too short for its start.
    """
    starts: dict[Path, set[int]] = defaultdict(set)
    single: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        if row.offset_ms is None:
            starts[row.pair.audio].add(row.start_ms or 0)
    for row in rows:
        if row.offset_ms is None and len(starts[row.pair.audio]) == 1:
            single[row.pair.label, row.pair.recording].append(row)
    pieces = {name for name, own in single.items() if _are_pieces(own, clip_ms)}
    offsets = []
    for row in rows:
        offset = row.start_ms or 0 if row.offset_ms is None else row.offset_ms
        if row.offset_ms is None and len(starts[row.pair.audio]) == 1:
            recording = row.pair.label, row.pair.recording
            offset = 0 if recording in pieces else offset
        offsets.append(offset)
    return offsets


def _are_pieces(rows: Iterable[_Row], clip_ms: int) -> bool:
    """Whether one of the rows' sound files ends before its clip would; latest starts first."""
    for row in sorted(rows, key=lambda row: -(row.start_ms or 0)):
        if not row.start_ms:
            return False
        if 1000 * _seconds(row.pair.audio) < row.start_ms + clip_ms:
            return True
    return False


def _seconds(path: Path) -> float:
    """How long a sound file lasts: infinite where it does not say so, 0 where it is none."""
    try:
        if not is_video(path):
            with open_sound(path) as sound:
                return sound.frames / sound.samplerate
    except UserError:  # it may still be one that FFmpeg reads, such as m4a
        pass
    try:
        return read_facts(path).seconds or math.inf
    except UserError:
        return 0.0
