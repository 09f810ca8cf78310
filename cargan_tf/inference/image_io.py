"""Which image file each sound file becomes, and writing it."""

from __future__ import annotations

import io
import os
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.audio.decode import AUDIO_SUFFIXES, sound_files
from cargan_tf.errors import UserError, counted
from cargan_tf.utils.files import is_remote, write_atomically

Item = TypeVar("Item")

#: Images that may wait to be saved: a few batches.
_UNSAVED = 64
#: Of a file's name, on every file system in common use.
MOST_NAME_BYTES = 255
#: A sound that comes from standard input, or an image that goes to standard output.
STANDARD = Path("-")


def plan_outputs(
    sounds: Sequence[Path], out: Path | None, mix: Path | None = None
) -> dict[Path, Path]:
    """The image of each sound, in order; a folder stands for the sound files in it.

    Args:
        sounds: files and folders; ``-`` is standard input.
        out: the image's file for a single sound, ``-`` being standard output; a folder for
            several. Without it images are written into the working folder under the sounds'
            names.
        mix: the sound mixed into each, whose name the images then have too: the image of a sound
            alone is another.

    Raises:
        UserError: a folder without sounds, a missing file, or ``out`` names one file for several
            sounds or is no image's name.
    """
    files = list(dict.fromkeys(file for sound in sounds for file in _files_of(sound)))
    several = len(files) > 1 or any(sound.is_dir() for sound in sounds)
    if out is not None and not several and not out.is_dir():
        _format_of(out)
        return {files[0]: out}
    if out is not None and (out.suffix or out == STANDARD) and not out.is_dir():
        raise UserError(
            f"{counted(len(files), 'sound')} cannot become the one image {out}; name a folder with"
            " -o."
        )
    folder = out or Path(".")
    plan: dict[Path, Path] = {}
    taken: set[str] = set()
    for file in files:
        # a.wav and a.mp3, or b/a.wav, get different names, also where A.png and a.png, or two forms
        # of ü, are one file.
        name = next(name for name in _names(file, mix) if _folded(name) not in taken)
        taken.add(_folded(name))
        plan[file] = folder / name
    return plan


def save_image(image: NDArray[np.uint8], file: Path) -> None:
    """Write [H, W, 3] uint8 as PNG, or in the format of the file's ending.

    Raises:
        UserError: the ending names no image format, or the file cannot be written.
    """
    try:
        write_atomically(file, encode_image(image, _format_of(file)), durable=False)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror or error}.") from error


def save_in_background(items: Iterable[Item], save: Callable[[Item], None]) -> Iterator[Item]:
    """Save each item in another thread while the next are made; yields it once it is saved.

    In order; at most ``_UNSAVED`` wait. What ``save`` raises is raised in the item's place.
    """
    with ThreadPoolExecutor(1, "cargan-saving") as saver:
        waiting: deque[tuple[Item, Future[None]]] = deque()
        try:
            for item in items:
                waiting.append((item, saver.submit(save, item)))
                while waiting and (waiting[0][1].done() or len(waiting) > _UNSAVED):
                    yield _saved(*waiting.popleft())
            while waiting:
                yield _saved(*waiting.popleft())
        finally:
            saver.shutdown(wait=True, cancel_futures=True)


def _saved(item: Item, saving: Future[None]) -> Item:
    saving.result()
    return item


def encode_image(image: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """[H, W, 3] uint8 as the content of an image file; format and options as Pillow names them."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, kind, **options)
    return content.getvalue()


def check_image_name(file: Path) -> None:
    """Check that the name's ending is that of an image format; raises ``UserError`` otherwise."""
    _format_of(file)


def _format_of(file: Path) -> str:
    """Pillow's name of the format that the file's ending asks for."""
    ending = file.suffix.lower() or ".png"
    Image.preinit()  # the common formats; importing all 40 takes as long as an image
    kind = Image.EXTENSION.get(ending) or Image.registered_extensions().get(ending)
    if kind not in Image.SAVE:
        raise UserError(f"{file}: no image format has the ending {ending!r}; use .png.")
    return kind


def _files_of(sound: Path) -> list[Path]:
    if sound == STANDARD:
        return [sound]
    if not sound.is_dir():
        # A link that leads nowhere is named when it is read.
        if not (sound.exists() if is_remote(sound) else os.path.lexists(sound)):
            raise UserError(f"{sound} does not exist: name a sound file or a folder of them.")
        return [sound]
    found = sound_files(sound)
    if not found and sound.suffix.lower() in AUDIO_SUFFIXES:
        return [sound]  # named as a sound among others that may be some, it is refused alone
    if not found:
        raise UserError(
            f"{sound} holds no sound files; looked for {', '.join(sorted(AUDIO_SUFFIXES))}."
        )
    return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _names(file: Path, mix: Path | None = None) -> Iterator[str]:
    """Names for the file's image, the plainest first, without end."""
    if file == STANDARD:
        file = Path("stdin")
    other = "stdin" if mix == STANDARD else mix.stem if mix else ""
    mixed = "" if mix is None else f"+{_cut(other, MOST_NAME_BYTES // 3)}"
    parents = [parent.name for parent in file.absolute().parents if parent.name]
    stems = ["_".join([*reversed(parents[:depth]), file.stem]) for depth in range(len(parents) + 1)]
    yield _of_length(file.stem, f"{mixed}.png")
    yield _of_length(file.name, f"{mixed}.png")
    yield from (_of_length(stem, f"{mixed}.png") for stem in stems[1:])
    yield from (_of_length(f"{stem}{file.suffix}", f"{mixed}.png") for stem in stems[1:])
    yield from (_of_length(file.stem, f"{mixed}_{number}.png") for number in count(2))


def _of_length(stem: str, ending: str) -> str:
    """The name of a file, the stem cut so that file systems take it."""
    return _cut(stem, MOST_NAME_BYTES - len(os.fsencode(ending))) + ending


def _cut(text: str, most_bytes: int) -> str:
    """The beginning of a name, in whole characters."""
    while len(os.fsencode(text)) > most_bytes:
        text = text[:-1]
    return text
