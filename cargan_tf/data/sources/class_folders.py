"""Reads a tree of class folders: ``violin/a.wav`` beside ``violin/a.jpg``.

Sound and image belong together when they have the same name in the same class. There may be folders
of splits (``train/violin``, ``violin/Test``) and of kinds (``audio/violin`` beside
``images/violin``), in any order, and folders of recordings in the classes.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from cargan_tf.audio.decode import AUDIO_SUFFIXES
from cargan_tf.data.pairs import NO_SPLIT, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import entries, moments_of, relative
from cargan_tf.data.sources.tables import SPLIT_WORDS, words_in
from cargan_tf.labels import NONE, fold

KIND = "class-folders"

#: Endings of images, also of those that are then refused by what they are.
_IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif"),
        *(".tif", ".tiff", ".jp2", ".ppm", ".heic", ".heif", ".svg"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"),
    }
)

#: Words of folders that hold one kind of file and are no class.
_KIND_WORDS: Final = frozenset(
    {
        *("img", "imgs", "image", "images", "photo", "photos", "picture", "pictures"),
        *("frame", "frames", "jpg", "jpeg", "png", "chunk", "chunks", "audio", "audios"),
        *("sound", "sounds", "wav", "wavs", "clip", "clips"),
    }
)

#: Folders below the given one that are searched.
_DEPTH: Final = 6

#: Split, folded class, folders in the class, and stem.
_Name: TypeAlias = tuple[str, str, tuple[str, ...], str]


@dataclass(frozen=True)
class _File:
    """A file and what the folders above it say."""

    path: Path
    split: str
    folders: tuple[str, ...]  # the class first


def find_class_folders(path: Path) -> Path | None:
    """``path`` if it is such a tree, or the folder in it that alone holds all pairs."""
    if not path.is_dir():
        return None
    sounds, images = _by_name(list(_files(path, path)))
    paired = [sounds[name] for name in sounds.keys() & images.keys()]
    if not paired:
        return None
    first = {file.path.relative_to(path).parts[0] for file in paired}
    wrapped = len(first) == 1 and all(len(file.folders) > 1 for file in paired)
    if wrapped and not _is_structure(next(iter(first))):
        return find_class_folders(path / first.pop())
    return path


def read_class_folders(root: Path) -> Source:
    """The pairs under ``root``, a folder that :func:`find_class_folders` returned.

    A sound or image without the other is named in ``skipped``, as is a link out of ``root``. Of a
    sound that is longer than a clip its beginning is taken.
    """
    collector = PairCollector()
    files = list(_files(root, root, collector.skip))
    sounds, images = _by_name(files)
    for file in files:
        what = relative(file.path, root)
        if not (_is_sound(file.path) or _is_image(file.path)):
            collector.skip(what, "neither a sound nor an image by its ending")
            continue
        found = (sounds if _is_sound(file.path) else images)[_name(file)]
        if found is not file:
            collector.skip(what, f"duplicate of {relative(found.path, root)}")
        elif _name(file) not in sounds.keys() & images.keys():
            kind = "image" if _is_sound(file.path) else "sound"
            collector.skip(what, f"no {kind} of the same name")
    folders: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for name in sorted(sounds.keys() & images.keys()):
        folders[name[:3]].append(name[3])
    for (split, label, inner), stems in folders.items():
        moments = moments_of(stems, label)
        for stem in stems:
            name = (split, label, inner, stem)
            recording, start = moments.get(stem, (stem, 0))
            if stem not in moments and inner:  # the folder is the recording
                recording = ""
            parts = [*inner, *filter(None, [recording])]
            if stem not in moments and split:
                # Numbers begin anew in each folder: 1.wav of two splits is not one recording.
                parts.insert(0, split)
            if not fold(parts[0]).startswith(label):
                parts.insert(0, label)
            sound, image = sounds[name].path, images[name].path
            written = images[name].folders[0]
            pair = Pair(split, written, "-".join(parts), start, sound, image)
            collector.add(pair, relative(image, root))
    return collector.source(root, KIND)


def _files(
    folder: Path, root: Path, skip: Callable[[str, str], None] | None = None
) -> Iterator[_File]:
    """Every file in a class folder below ``folder``; ``skip`` is told of links out of ``root``."""
    above = folder.relative_to(root).parts
    for path in entries(folder, root, skip):
        if path.is_dir():
            others = folder == root and path.name.lower() == NONE
            circle = path.is_symlink() and folder.resolve().is_relative_to(path.resolve())
            if len(above) < _DEPTH and not others and not circle:
                yield from _files(path, root, skip)
            continue
        split, classes = _read_folders(above)
        if classes:
            yield _File(path, split, classes)


def _read_folders(folders: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The split that folders name, and those that are neither a split nor a kind."""
    splits = {
        SPLIT_WORDS[word]
        for name in folders
        if _is_structure(name)
        for word in words_in(name)
        if word in SPLIT_WORDS
    }
    split = splits.pop() if len(splits) == 1 else NO_SPLIT
    return split, tuple(name for name in folders if not _is_structure(name))


def _is_structure(name: str) -> bool:
    """Whether a folder is named after a split or a kind of files: ``Train``, ``test_images``."""
    words = words_in(name)
    return (
        bool(words)
        and name.isascii()
        and all(word in SPLIT_WORDS or word in _KIND_WORDS for word in words)
    )


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _IMAGE_SUFFIXES


def _name(file: _File) -> _Name:
    label, *inner = file.folders
    return file.split, fold(label), tuple(inner), unicodedata.normalize("NFC", file.path.stem)


def _by_name(files: list[_File]) -> tuple[dict[_Name, _File], dict[_Name, _File]]:
    """Sounds and images; the first of a name counts."""
    sounds: dict[_Name, _File] = {}
    images: dict[_Name, _File] = {}
    for file in files:
        if _is_sound(file.path):
            sounds.setdefault(_name(file), file)
        elif _is_image(file.path):
            images.setdefault(_name(file), file)
    return sounds, images
