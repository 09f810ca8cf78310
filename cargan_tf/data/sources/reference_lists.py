"""Reads data as CAR-GAN's authors laid it out: spectrogram images instead of sound.

Either their lists, text files of ``a.png||one-hot||b.jpg`` (``train_data.txt``, ``test_data.txt``),
or the bare folders ``{spectrogram,spectram}/[<split>/]<class>/<class>NN_<ms>.png`` beside
``{img,img_256}/…/<class>NN_<ms>.jpg``. Lists go before folders.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cargan_tf.data.pairs import NO_SPLIT, REFERENCE_LISTS, Key, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import (
    MOMENT,
    SourceFolder,
    entries,
    leads_out,
    relative,
    visible,
)
from cargan_tf.data.sources.tables import (
    IMAGE_SUFFIXES,
    SPLIT_WORDS,
    RowError,
    read_text,
    split_in_name,
)
from cargan_tf.errors import UserError
from cargan_tf.labels import SUB_URMP_LABELS

KIND = REFERENCE_LISTS
SPECTROGRAM_FOLDERS = ("spectrogram", "spectram")
IMAGE_FOLDERS = ("img", "img_256")

_SEPARATOR = "||"

_NOTE = "silence and noise were not measured: spectrogram images do not show them"

#: The recording's name: the class and a number.
_RECORDING = re.compile(r"(?P<label>.*?)_?\d*")


def find_reference_lists(path: Path) -> Path | None:
    """``path`` if it is one of the authors' lists, or a folder of lists or of their folders."""
    if path.is_file():
        return path if _is_list(path) else None
    return path if _lists_in(path) or all(_folders_in(path)) else None


def read_reference_lists(path: Path) -> Source:
    """The pairs in a folder that :func:`find_reference_lists` returned, with splits if it has any.

    Raises:
        UserError: a list names a file outside its folder.
    """
    lists = [path] if path.is_file() else _lists_in(path)
    folder = SourceFolder(path.parent if path.is_file() else path)
    collector = PairCollector(notes=[_NOTE])
    if lists:
        for file in lists:
            _read_list(file, folder, collector)
        collector.notes += folder.notes()
    else:
        _read_folders(folder.root, collector)
    return replace(collector.source(folder.root, KIND), spectrograms=True)


def _read_list(path: Path, folder: SourceFolder, collector: PairCollector) -> None:
    split = split_in_name(path)
    text, assumed = read_text(path)
    collector.notes += assumed
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.strip():
            continue
        what = f"{path.name} line {number}"
        try:
            collector.add(_pair(line, split, folder, f"{path} line {number}"), what)
        except RowError as error:
            collector.skip(what, str(error))


def _pair(line: str, split: str, folder: SourceFolder, where: str) -> Pair:
    parts = [part.strip() for part in line.split(_SEPARATOR)]
    if len(parts) != 3:
        raise RowError(f"{len(parts)} parts between {_SEPARATOR}, expected a.png||one-hot||b.jpg")
    spectrogram, image = (
        _listed_file(text, folder, f"{where}, {part}")
        for text, part in ((parts[0], "spectrogram"), (parts[2], "image"))
    )
    seen, heard = _moment(image), _moment(spectrogram)
    if seen != heard:
        raise RowError(f"{spectrogram.name} and {image.name} are not of one moment")
    label = _class_folder(spectrogram) or _one_hot_label(parts[1])
    return Pair(split, label, *heard, audio=spectrogram, image=image)


def _listed_file(text: str, folder: SourceFolder, where: str) -> Path:
    """A path from the list's folder, or, as the authors write them, from the folder above."""
    named = Path(text)
    if named.parts[:1] == (folder.root.name,) and not (folder.root / named).exists():
        text = str(Path(*named.parts[1:]))
    return folder.file(text, where)


def _class_folder(path: Path) -> str:
    """The folder of ``path`` if it names the class: the file's name then begins with it."""
    recording = _moment(path)[0]
    named = _RECORDING.fullmatch(recording)
    folder = path.parent.name
    return folder if named and named["label"] == folder else ""


def _one_hot_label(text: str) -> str:
    try:
        values = [float(value) for value in re.split(r"[\s,;]+", text.strip(" []()"))]
    except ValueError as error:
        raise RowError(f"one-hot label {text!r} is not a row of numbers") from error
    if sorted(values) != [0.0] * (len(values) - 1) + [1.0]:
        raise RowError(f"one-hot label {text!r} is not a single 1 among zeros")
    if len(values) != len(SUB_URMP_LABELS):
        raise RowError(
            f"one-hot label of {len(values)} classes, and no class folder to name them"
            f" (Sub-URMP has {len(SUB_URMP_LABELS)})"
        )
    return SUB_URMP_LABELS[values.index(1.0)]


def _moment(path: Path) -> tuple[str, int]:
    """Recording and start; a file of another name is a recording of its own."""
    name = MOMENT.fullmatch(path.stem)
    return (name["recording"], int(name["start"])) if name else (path.stem, 0)


def _read_folders(root: Path, collector: PairCollector) -> None:
    (spectrogram_folder, *_), (image_folder, *_) = _folders_in(root)
    sounds = _by_key(spectrogram_folder, root, frozenset({".png"}), collector)
    images = _by_key(image_folder, root, IMAGE_SUFFIXES, collector)
    for key in sorted(sounds.keys() & images.keys()):
        collector.add(Pair(*key, audio=sounds[key], image=images[key]), str(sounds[key]))
    for files, others, kind in ((sounds, images, "image"), (images, sounds, "spectrogram")):
        for key in sorted(files.keys() - others.keys()):
            collector.skip(relative(files[key], root), f"no {kind} of the same name")


def _by_key(
    folder: Path, root: Path, suffixes: frozenset[str], collector: PairCollector
) -> dict[Key, Path]:
    """The files below ``folder`` by what they show; the first of a key counts."""
    found: dict[Key, Path] = {}
    for split, label, path in _files(folder, root, collector):
        if path.suffix.lower() not in suffixes:
            collector.skip(relative(path, root), f"not one of {', '.join(sorted(suffixes))}")
        elif found.setdefault((split, label, *_moment(path)), path) is not path:
            collector.skip(relative(path, root), "duplicate")
    return found


def _files(folder: Path, root: Path, collector: PairCollector) -> Iterator[tuple[str, str, Path]]:
    """Split, class and path of every file in a class folder, with or without split folders.

    Links out of ``root`` are skipped by name.
    """
    for first in entries(folder, root, collector.skip):
        if not first.is_dir():
            collector.skip(relative(first, root), "lies outside the class folders")
            continue
        split = SPLIT_WORDS.get(first.name.lower(), NO_SPLIT)
        for label in entries(first, root, collector.skip) if split else [first]:
            if not label.is_dir():
                collector.skip(relative(label, root), "lies outside the class folders")
                continue
            for path in entries(label, root, collector.skip):
                yield split, label.name, path


def _lists_in(folder: Path) -> list[Path]:
    return [path for path in visible(folder) if path.is_file() and _is_list(path)]


def _is_list(path: Path) -> bool:
    """Whether the first line that says anything is ``….png||…||…``."""
    if path.suffix.lower() != ".txt":
        return False
    try:
        first = read_text(path)[0].lstrip().partition("\n")[0]
    except UserError:
        return False
    return first.count(_SEPARATOR) == 2 and ".png" in first.lower()


def _folders_in(root: Path) -> tuple[list[Path], list[Path]]:
    """Folders of spectrograms and of images that are there, and not links out of ``root``."""
    found = [
        [path for name in names if (path := root / name).is_dir() and not leads_out(path, root)]
        for names in (SPECTROGRAM_FOLDERS, IMAGE_FOLDERS)
    ]
    return found[0], found[1]
