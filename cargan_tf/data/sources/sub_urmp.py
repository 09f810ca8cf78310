"""Reads Sub-URMP's folders: ``{img,chunk}/<split>/<class>/<class>NN_<ms>.{jpg,wav}``.

An image and a clip belong together when split, class, recording and start are the same; copies of
the data set that number their files (``1.jpg``, ``1.wav``) pair them by that name. Two sorted
listings are never laid side by side: one missing file would shift all that follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from cargan_tf.audio.decode import AUDIO_SUFFIXES
from cargan_tf.data.pairs import NO_SPLIT, SPLITS, Key, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import LEADS_OUT, MOMENT, entries, leads_out, relative
from cargan_tf.data.sources.tables import IMAGE_SUFFIXES, SPLIT_WORDS
from cargan_tf.errors import UserError
from cargan_tf.labels import fold

KIND = "sub-urmp"
IMAGE_FOLDER, AUDIO_FOLDER = "img", "chunk"
#: The data set's own folder, as its copies spell it.
TREE_NAMES = ("Sub-URMP", "Sub_URMP")

#: Levels of folders below the given one where the tree is looked for.
_LEVELS = 2

#: Split, class and stem of a file whose name does not say its moment.
_Name: TypeAlias = tuple[str, str, str]


def find_tree(folder: Path) -> Path | None:
    """``folder``, or the folder in it or two below it, that holds ``img`` and ``chunk``, one of
    them with a folder for a split.

    Raises:
        UserError: several such folders lie side by side.
    """
    if not folder.is_dir():
        return None
    named = [folder, *(folder / name for name in TREE_NAMES)]
    found = next((path for path in named if _is_tree(path, folder)), None)
    level = [folder]
    for _ in range(_LEVELS):
        if found is not None:
            break
        level = _folders_in(level, folder)
        trees = [path for path in level if _is_tree(path, folder)]
        if len(trees) > 1:
            shown = ", ".join(relative(path, folder) for path in trees)
            raise UserError(f"{folder} holds several trees of img/ and chunk/; name one: {shown}.")
        found = next(iter(trees), None)
    return found


def read_tree(root: Path) -> Source:
    """The pairs under ``root``, a folder that :func:`find_tree` returned.

    Hidden files (``.DS_Store``, ``._name``) are ignored. Any other file or folder that gives no
    pair, and any link out of ``root``, is named in ``skipped``.
    """
    collector = PairCollector()
    spelled: dict[str, str] = {}
    images = _files(root, IMAGE_FOLDER, IMAGE_SUFFIXES, collector, spelled)
    sounds = _files(root, AUDIO_FOLDER, AUDIO_SUFFIXES, collector, spelled)
    for key in sorted(images.moments.keys() & sounds.moments.keys()):
        pair = Pair(*key, audio=sounds.moments[key], image=images.moments[key])
        collector.add(pair, str(pair.image))
    for name in sorted(images.others.keys() & sounds.others.keys()):
        split, label, stem = name
        # Numbers begin anew in each folder: 1.wav of two splits is not one recording.
        recording = f"{label}-{split}-{stem}"
        pair = Pair(split, label, recording, 0, sounds.others[name], images.others[name])
        collector.add(pair, str(pair.image))
    for files, others, kind in ((images, sounds, "sound"), (sounds, images, "image")):
        for key in sorted(files.moments.keys() - others.moments.keys()):
            collector.skip(relative(files.moments[key], root), f"no {kind} of the same name")
        for name in sorted(files.others.keys() - others.others.keys()):
            why = f"no {kind} of the same name"
            if images.moments:
                why = f"name is not {name[1]}NN_<milliseconds>"
            collector.skip(relative(files.others[name], root), why)
    return collector.source(root, KIND)


@dataclass
class _Files:
    """The files of ``img`` or ``chunk`` by what they show; the first of each counts."""

    moments: dict[Key, Path] = field(default_factory=dict)
    others: dict[_Name, Path] = field(default_factory=dict)


def _files(
    root: Path,
    kind: str,
    suffixes: frozenset[str],
    collector: PairCollector,
    spelled: dict[str, str],
) -> _Files:
    """The files of ``kind``; ``spelled`` has the classes met so far, by their folded names."""
    found = _Files()
    folder = _kind_folder(root, kind)
    if leads_out(folder, root):
        collector.skip(relative(folder, root), LEADS_OUT)
        return found
    splits = _splits_in(folder, root)
    classes = {fold(path.name) for split in splits for path in entries(split, root)}
    for split, written, path in _walk(folder, root, collector):
        what = relative(path, root)
        label = spelled.setdefault(fold(written), written)
        name = MOMENT.fullmatch(path.stem)
        recording = fold(name["recording"]) if name else ""
        if path.suffix.lower() not in suffixes:
            collector.skip(what, f"not one of {', '.join(sorted(suffixes))}")
        elif name and recording.startswith(fold(label)):
            key = (split, label, name["recording"], int(name["start"]))
            if found.moments.setdefault(key, path) is not path:
                collector.skip(what, f"duplicate of {relative(found.moments[key], root)}")
        elif name and any(recording.startswith(one) for one in classes):
            collector.skip(what, f"name is not {label}NN_<milliseconds>")
        else:
            other = (split, label, path.stem)
            if found.others.setdefault(other, path) is not path:
                collector.skip(what, f"duplicate of {relative(found.others[other], root)}")
    return found


def _walk(folder: Path, root: Path, collector: PairCollector) -> Iterator[tuple[str, str, Path]]:
    """Split, class and path of every file two folders below ``folder``, in order."""
    for split in entries(folder, root, collector.skip):
        name = SPLIT_WORDS.get(split.name.lower(), NO_SPLIT)
        if name == NO_SPLIT or not split.is_dir():
            collector.skip(relative(split, root), f"not a folder named {', '.join(SPLITS)}")
            continue
        for label in entries(split, root, collector.skip):
            if not label.is_dir():
                collector.skip(relative(label, root), "lies outside the class folders")
                continue
            for path in entries(label, root, collector.skip):
                yield name, label.name, path


def _is_tree(folder: Path, root: Path) -> bool:
    if leads_out(folder, root):
        return False
    kinds = [_kind_folder(folder, kind) for kind in (IMAGE_FOLDER, AUDIO_FOLDER)]
    if not all(kind.is_dir() and not leads_out(kind, root) for kind in kinds):
        return False
    return any(_splits_in(kind, root) for kind in kinds)


def _kind_folder(folder: Path, kind: str) -> Path:
    """``img`` or ``chunk`` in ``folder``, in small letters or not."""
    spellings = (folder / spelling for spelling in (kind, kind.title(), kind.upper()))
    return next((path for path in spellings if path.is_dir()), folder / kind)


def _splits_in(folder: Path, root: Path) -> list[Path]:
    return [path for path in _folders_in([folder], root) if path.name.lower() in SPLIT_WORDS]


def _folders_in(folders: list[Path], root: Path) -> list[Path]:
    return [path for folder in folders for path in entries(folder, root) if path.is_dir()]
