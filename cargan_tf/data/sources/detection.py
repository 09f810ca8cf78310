"""Finds out what kind of source a path is, and reads its pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.data.pairs import Skipped, Source
from cargan_tf.data.sources import (
    class_folders,
    manifest,
    reference_lists,
    sub_urmp,
    urmp,
    videos,
)
from cargan_tf.data.sources.folder import entries, leads_out, visible
from cargan_tf.data.sources.videos import is_video_table
from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.utils.files import to_path

#: Skipped items named in an error message.
_REASONS_SHOWN = 3

#: The paper's half second (Sec. 3).
_CLIP_MS = 500


@dataclass(frozen=True)
class Format:
    """A way in which people lay data out.

    Attributes:
        expected: what it looks like, in a few words.
        find: the folder or file in a path that holds such data, or ``None``.
        read: the pairs in it; of a long recording, one every so many milliseconds.
    """

    expected: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path, int], Source]


#: By name, in the order in which they are tried. A ``manifest.csv`` goes before folders beside it:
#: it also knows the players.
FORMATS: dict[str, Format] = {
    manifest.KIND: Format(
        f"a CSV file with the columns {','.join(manifest.REQUIRED_COLUMNS)} and more, or a folder"
        f" with such a {manifest.MANIFEST_NAME}",
        lambda path: None if is_video_table(path) else manifest.find_manifest(path),
        manifest.read_manifest,
    ),
    sub_urmp.KIND: Format(
        "a folder with img/ and chunk/ (Sub-URMP), and train/ and more in both",
        sub_urmp.find_tree,
        lambda path, _: sub_urmp.read_tree(path),
    ),
    reference_lists.KIND: Format(
        "lists of a.png||one-hot||b.jpg, or spectrogram/ beside img/",
        reference_lists.find_reference_lists,
        lambda path, _: reference_lists.read_reference_lists(path),
    ),
    urmp.KIND: Format(
        "folders with AuSep_*.wav and Vid_*.mp4 (raw URMP)", urmp.find_urmp, urmp.read_urmp
    ),
    videos.KIND: Format(
        "a table of videos and labels (VGGSound's, AVE's, or columns video,label,start,end,split)",
        videos.find_videos,
        videos.read_videos,
    ),
    class_folders.KIND: Format(
        "class folders with sounds and images of the same names (violin/a.wav, violin/a.jpg)",
        class_folders.find_class_folders,
        lambda path, _: class_folders.read_class_folders(path),
    ),
}


def find_source(path: Path, format: str | None = None, clip_ms: int = _CLIP_MS) -> Source:
    """The pairs at ``path``: see :data:`FORMATS` for what is understood.

    Args:
        path: a file or folder.
        format: name of its format; found out by itself if None.
        clip_ms: length of a clip; recordings and videos give a pair each so many milliseconds.

    Raises:
        UserError: nothing is there, nothing that is known, or not one pair.
    """
    path = to_path(path)
    if format is not None and format not in FORMATS:
        raise UserError(
            f"unknown format {format!r}.{did_you_mean(format, FORMATS)}"
            f" Known formats: {', '.join(FORMATS)}."
        )
    expected = _expected(format)
    if not path.exists():
        raise UserError(f"no file or folder {path}: {expected}.")
    source = _read(path, format, clip_ms, expected)
    if not source.pairs:
        raise UserError(
            f"{path} holds no pair of sound and image; skipped:"
            f" {len(source.skipped)}{first_reasons(source.skipped)}."
        )
    return source


def first_reasons(skipped: tuple[Skipped, ...]) -> str:
    """`` (name: reason; name: reason; …)`` for an error message, empty when there is none."""
    shown = [f"{item.what}: {item.why}" for item in skipped[:_REASONS_SHOWN]]
    if len(skipped) > _REASONS_SHOWN:
        shown.append("…")
    return f" ({'; '.join(shown)})" if shown else ""


def _expected(format: str | None) -> str:
    shown = FORMATS if format is None else {format: FORMATS[format]}
    return f"expected {'; or '.join(form.expected for form in shown.values())}"


def _read(path: Path, format: str | None, clip_ms: int, expected: str) -> Source:
    if path.is_dir():
        try:
            empty = next(path.iterdir(), None) is None
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
        if empty:
            raise UserError(f"the folder {path} is empty: {expected}.")
    for name in FORMATS if format is None else [format]:
        form = FORMATS[name]
        found = form.find(path)
        if found is not None:
            return form.read(found, clip_ms)
    inside = visible(path) if path.is_dir() else []
    folders = [each for each in entries(path, path) if each.is_dir()] if inside else []
    if len(folders) == 1:  # as archives are unpacked: the folder is in a folder of its own
        return _read(folders[0], format, clip_ms, expected)
    what = "nothing known in" if format is None else f"nothing of the format {format!r} in"
    outward = [each.name for each in inside if leads_out(each, path)]
    links = ""
    if outward:
        links = f" Links out of the folder are not followed: {', '.join(outward[:_REASONS_SHOWN])}."
    raise UserError(f"{what} {path}: {expected}.{links}")
