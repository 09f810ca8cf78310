"""Data source: a folder of videos with a table of their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cargan_tf.data.pairs import NO_SPLIT, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import SourceFolder, relative, visible
from cargan_tf.data.sources.tables import (
    MAX_SECONDS,
    SPLIT_WORDS,
    RowError,
    Table,
    check_columns,
    decimal_number,
    open_table,
    plain_name,
    split_in_name,
    split_of,
    unused_columns,
)
from cargan_tf.data.video_reading import (
    VIDEO_SUFFIXES,
    VideoFacts,
    check_dependencies,
    is_video,
    read_facts,
)
from cargan_tf.errors import UserError

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})

#: What a column means, by its plain name.
_MEANINGS = {
    "video": "video",
    "videoid": "video",
    "youtubeid": "video",
    "ytid": "video",
    "label": "label",
    "category": "label",
    "class": "label",
    "start": "start",
    "starttime": "start",
    "startseconds": "start",
    "end": "end",
    "endtime": "end",
    "endseconds": "end",
    "split": "split",
    "player": "player",
}
_REQUIRED = ("video", "label")

#: ``Accordion&-1iKLvsRBbE&good&0&10``, under a header in Annotations.txt, without in trainSet.txt.
_AVE_HEADER = ("Category", "VideoID", "Quality", "StartTime", "EndTime")

#: ``---g-f_I2yQ,1,people marching,test``, without a header.
_VGGSOUND_HEADER = ("youtube id", "start seconds", "label", "split")

#: VGGSound's label holds for so long after the start.
VGGSOUND_SECONDS = 10.0


KIND = "videos"


@dataclass(frozen=True)
class VideoRow:
    """A stretch of a video and its label.

    Attributes:
        what: table and line, for messages.
        video: name of the video without its suffix, or a path.
        label: as written.
        start: seconds at which the label begins to hold.
        end: seconds at which it ceases; None where the table does not say.
        split: one of the splits, or none.
        player: who is seen, where the table says.
    """

    what: str
    video: str
    label: str
    start: float
    end: float | None
    split: str
    player: str


def is_video_table(path: Path) -> bool:
    """Whether the file's first line is that of a table of videos."""
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return False
    try:
        table = _table(path)
    except UserError:
        return False
    return "video" in _meanings(table.names)


def find_tables(folder: Path) -> list[Path]:
    """Tables of videos in ``folder``; those named after a split first, as they say more."""
    tables = [path for path in visible(folder) if path.is_file() and is_video_table(path)]
    return sorted(tables, key=lambda path: (split_in_name(path) == NO_SPLIT, path.name))


def read_table(path: Path, notes: list[str] | None = None) -> Iterator[VideoRow | tuple[str, str]]:
    """The rows of a table; of a row with a bad value, its line and the reason.

    What was assumed to read it is added to ``notes``.

    Raises:
        UserError: it cannot be read, or has no column of videos or labels.
    """
    table = _table(path)
    if notes is not None:
        notes += table.assumed
    meanings = _meanings(table.names)
    required = [column for column in _REQUIRED if column not in meanings]
    decisive = [column for column in ("split", "start", "end") if column not in meanings]
    if table.names[: len(_AVE_HEADER)] != list(_AVE_HEADER):  # whose quality is of no use
        check_columns(path, table.names, meanings.values(), required, decisive)
        if notes is not None:
            notes += unused_columns(path, table.names, meanings.values(), ["player"])
    # VGGSound states no end; of other tables without one, the label holds to the video's end.
    lasting = VGGSOUND_SECONDS if table.names == list(_VGGSOUND_HEADER) else None
    for line, values in table.rows:
        what = f"{path.name} line {line}"
        try:
            row = table.named(values, meanings.values())
            meant = {meaning: row[name] for meaning, name in meanings.items()}
            yield _video_row(what, meant, split_in_name(path), lasting)
        except RowError as error:
            yield what, str(error)


def _video_row(what: str, values: dict[str, str], split: str, lasting: float | None) -> VideoRow:
    for column in _REQUIRED:
        if not values[column]:
            raise RowError(f"{column} is empty")
    start = _seconds(values, "start") or 0.0
    end = _seconds(values, "end")
    if end is None and lasting is not None:
        end = start + lasting
    if end is not None and end <= start:
        raise RowError(f"it ends at {end:g} s, not after its start at {start:g} s")
    if values.get("split"):
        split = split_of(values["split"])
    player = values.get("player", "")
    return VideoRow(what, values["video"], values["label"], start, end, split, player)


def _seconds(values: dict[str, str], column: str) -> float | None:
    text = values.get(column, "")
    if not text:
        return None
    try:
        seconds = decimal_number(text)
    except RowError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS:
        raise RowError(f"{column} {text!r} is not a number of seconds up to {MAX_SECONDS}")
    return seconds


def _table(path: Path) -> Table:
    """The table at ``path``, with the names of AVE's and VGGSound's columns where it has none."""
    table = open_table(path, "&")
    if len(table.names) == len(_AVE_HEADER):
        headed = table.names[0].lower() == _AVE_HEADER[0].lower()
        return table if headed else open_table(path, "&", _AVE_HEADER)
    table = open_table(path)
    if len(table.names) == len(_VGGSOUND_HEADER) and _is_vggsound(table.names):
        return open_table(path, header=_VGGSOUND_HEADER)
    return table


def _is_vggsound(values: list[str]) -> bool:
    return values[1].isdigit() and values[3].lower() in SPLIT_WORDS


def _meanings(header: list[str]) -> dict[str, str]:
    """What is known of a table -> the column that holds it; the first of several."""
    found: dict[str, str] = {}
    for name in header:
        meaning = _MEANINGS.get(plain_name(name))
        if meaning:
            found.setdefault(meaning, name)
    return found


def find_videos(path: Path) -> Path | None:
    """``path`` if it is a table of videos or a folder that holds one."""
    if path.is_file():
        return path if is_video_table(path) else None
    return path if find_tables(path) else None


def read_videos(path: Path, step_ms: int) -> Source:
    """A pair for each ``step_ms`` of each labeled stretch: the frame and the sound from there.

    The video is the recording. A video that is missing, cannot be read or has no sound is left
    out by name, as is a row with a bad value.

    Raises:
        UserError: a table lacks a column, a path leaves the folder, or PyAV is not installed.
    """
    check_dependencies(path)
    tables = [path] if path.is_file() else find_tables(path)
    folder = SourceFolder(path.parent if path.is_file() else path)
    files = _by_stem(folder.root)
    collector = PairCollector()
    seen: set[tuple[str, str, float]] = set()
    for table in tables:
        for row in read_table(table, collector.notes):
            if not isinstance(row, VideoRow):
                collector.skip(*row)
                continue
            stretch = (row.video, row.label, row.start)
            if stretch in seen:  # AVE lists all in one table and again by split
                continue
            seen.add(stretch)
            try:
                for pair in _pairs(row, files, folder, table, step_ms):
                    collector.add(pair, row.what)
            except RowError as error:
                collector.skip(row.what, str(error))
    collector.notes += folder.notes()
    return collector.source(folder.root, KIND)


def _pairs(
    row: VideoRow, files: dict[str, Path], folder: SourceFolder, table: Path, step_ms: int
) -> Iterator[Pair]:
    video, cut_out = _video(row, files, folder, table)
    facts = _facts(video)
    name = relative(video, folder.root)
    if not facts.has_sound or not facts.has_image:
        lacking = "sound" if not facts.has_sound else "image"
        raise RowError(f"{name} has no {lacking}")
    start, end = row.start, facts.seconds if row.end is None else row.end
    if cut_out or (row.end is not None and start >= facts.seconds):
        start, end = 0.0, end - start  # the file is the stretch itself
    begin_ms, end_ms = round(1000 * start), round(1000 * min(end, facts.seconds))
    starts = range(begin_ms, 1 + end_ms - step_ms, step_ms)
    if not starts:
        raise RowError(
            f"{name} lasts {facts.seconds:.1f} s: no clip of {step_ms / 1000:g} s from"
            f" {start:g} s on"
        )
    for start_ms in starts:
        yield Pair(
            row.split,
            row.label,
            video.stem,
            start_ms,
            audio=video,
            image=video,
            player=row.player,
            offset_ms=start_ms,
            frame_ms=start_ms,
            piece=row.video,
        )


def _video(
    row: VideoRow, files: dict[str, Path], folder: SourceFolder, table: Path
) -> tuple[Path, bool]:
    """The file of a row, and whether it is named as cut out at the row's start."""
    named = PurePosixPath(row.video)
    if len(named.parts) > 1 or named.suffix.lower() in VIDEO_SUFFIXES or "\\" in row.video:
        return folder.file(row.video, f"{table.parent / row.what}, video"), False
    if row.video in files:
        return files[row.video], False
    cut_out = f"{row.video}_{round(row.start):06d}"
    if cut_out in files:
        return files[cut_out], True
    raise RowError(f"no video {row.video} in {folder.root.name}")


def _by_stem(root: Path) -> dict[str, Path]:
    """The videos below ``root`` by their names; links out of it are ignored."""
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        usable = is_video(path) and path.is_file() and not path.name.startswith(".")
        if usable and path.resolve().is_relative_to(root):  # is_file: no links in a circle
            found.setdefault(path.stem, path)
    return found


def _facts(video: Path) -> VideoFacts:
    try:
        return read_facts(video)
    except UserError as error:
        raise RowError(str(error)) from error
