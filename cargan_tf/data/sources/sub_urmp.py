"""Reads Sub-URMP's folders: ``{img,chunk}/<split>/<class>/<class>NN_<ms>.{jpg,wav}``.

An image and a clip belong together when split, class, recording and start are the same. Two
sorted listings are never laid side by side: one missing file would shift all that follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cargan_tf.data.pairs import SPLITS, Key, Pair, PairCollector, Source
from cargan_tf.data.sources.tables import IMAGE_SUFFIXES, MOMENT, relative, visible

KIND = "sub-urmp"
IMAGE_FOLDER, AUDIO_FOLDER = "img", "chunk"
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})

#: The data set's own folder, as its copies spell it.
TREE_NAMES = ("Sub-URMP", "Sub_URMP")


def find_tree(folder: Path) -> Path | None:
    """``folder`` or the ``Sub-URMP`` / ``Sub_URMP`` in it that holds ``img`` and ``chunk``, one of
    them with a folder for a split."""
    for candidate in (folder, *(folder / name for name in TREE_NAMES)):
        kinds = (candidate / IMAGE_FOLDER, candidate / AUDIO_FOLDER)
        splits = [kind / split for kind in kinds for split in SPLITS]
        if all(kind.is_dir() for kind in kinds) and any(split.is_dir() for split in splits):
            return candidate
    return None


def read_tree(root: Path) -> Source:
    """The pairs under ``root``, a folder that :func:`find_tree` returned.

    Hidden files (``.DS_Store``, ``._name``) are ignored. Any other
    file or folder that gives no pair is named in ``skipped``.
    """
    collector = PairCollector()
    images = _by_key(root, IMAGE_FOLDER, IMAGE_SUFFIXES, collector)
    sounds = _by_key(root, AUDIO_FOLDER, AUDIO_SUFFIXES, collector)
    for key in sorted(images.keys() & sounds.keys()):
        collector.add(Pair(*key, audio=sounds[key], image=images[key]), str(images[key]))
    for files, others, kind in ((images, sounds, "sound"), (sounds, images, "image")):
        for key in sorted(files.keys() - others.keys()):
            collector.skip(relative(files[key], root), f"no {kind} of the same name")
    return collector.source(root, KIND)


def _by_key(
    root: Path, kind: str, suffixes: frozenset[str], collector: PairCollector
) -> dict[Key, Path]:
    """The files of ``img`` or ``chunk`` by what they show; the first of a key counts."""
    found: dict[Key, Path] = {}
    for split, label, path in _files(root / kind, root, collector):
        what = relative(path, root)
        name = MOMENT.fullmatch(path.stem)
        if path.suffix.lower() not in suffixes:
            collector.skip(what, f"not one of {', '.join(sorted(suffixes))}")
        elif name is None or not name["recording"].startswith(label):
            collector.skip(what, f"name is not {label}NN_<milliseconds>")
        else:
            key = (split, label, name["recording"], int(name["start"]))
            if found.setdefault(key, path) is not path:
                collector.skip(what, f"duplicate of {relative(found[key], root)}")
    return found


def _files(folder: Path, root: Path, collector: PairCollector) -> Iterator[tuple[str, str, Path]]:
    """Split, class and path of every file two folders below ``folder``, in order."""
    for split in visible(folder):
        if split.name not in SPLITS or not split.is_dir():
            collector.skip(relative(split, root), f"not a folder named {', '.join(SPLITS)}")
            continue
        for label in visible(split):
            if not label.is_dir():
                collector.skip(relative(label, root), "lies outside the class folders")
                continue
            for path in visible(label):
                yield split.name, label.name, path
