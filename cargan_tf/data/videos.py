"""Reads a folder of videos with a table of what is heard in them.

The videos lie anywhere below the table's folder, named as the table names them (``ID.mp4``) or, as
VGGSound's downloads are, with the start in the YouTube original (``ID_000030.mp4``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cargan_tf.data.pairs import Pair, PairCollector, Source
from cargan_tf.data.tables import RowError, confined_file
from cargan_tf.data.video import (
    VIDEO_SUFFIXES,
    VideoFacts,
    check_installed,
    is_video,
    read_facts,
)
from cargan_tf.data.video_tables import VideoRow, find_tables, is_video_table, read_table
from cargan_tf.errors import UserError

KIND = "videos"


def find_videos(path: Path) -> Path | None:
    """``path`` if it is a table of videos or a folder that holds one."""
    if path.is_file():
        return path if is_video_table(path) else None
    return path if find_tables(path) else None


def read_videos(path: Path, step_ms: int) -> Source:
    """A pair for each ``step_ms`` of each labelled stretch: the frame and the sound from there.

    The video is the recording. A video that is missing, cannot be read or has no sound is left
    out by name, as is a row with a bad value.

    Raises:
        UserError: a table lacks a column, a path leaves the folder, or PyAV is not installed.
    """
    check_installed(path)
    tables = [path] if path.is_file() else find_tables(path)
    root = (path.parent if path.is_file() else path).resolve()
    files = _by_stem(root)
    collector = PairCollector()
    seen: set[tuple[str, str, float]] = set()
    for table in tables:
        for row in read_table(table):
            if not isinstance(row, VideoRow):
                collector.drop(*row)
                continue
            stretch = (row.video, row.label, row.start)
            if stretch in seen:  # AVE lists all in one table and again by split
                continue
            seen.add(stretch)
            try:
                for pair in _pairs(row, files, root, table, step_ms):
                    collector.add(pair, row.what)
            except RowError as error:
                collector.drop(row.what, str(error))
    return collector.source(root, KIND)


def _pairs(
    row: VideoRow, files: dict[str, Path], root: Path, table: Path, step_ms: int
) -> Iterator[Pair]:
    video, cut_out = _video(row, files, root, table)
    facts = _facts(video)
    name = video.relative_to(root).as_posix()
    if not facts.has_sound or not facts.has_picture:
        lacking = "sound" if not facts.has_sound else "picture"
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


def _video(row: VideoRow, files: dict[str, Path], root: Path, table: Path) -> tuple[Path, bool]:
    """The file of a row, and whether it is named as cut out at the row's start."""
    named = PurePosixPath(row.video)
    if len(named.parts) > 1 or named.suffix.lower() in VIDEO_SUFFIXES or "\\" in row.video:
        return confined_file(row.video, root, f"{table.parent / row.what}, video"), False
    if row.video in files:
        return files[row.video], False
    cut_out = f"{row.video}_{round(row.start):06d}"
    if cut_out in files:
        return files[cut_out], True
    raise RowError(f"no video {row.video} in {root.name}")


def _by_stem(root: Path) -> dict[str, Path]:
    """The videos below ``root`` by their names; links out of it are passed over."""
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
