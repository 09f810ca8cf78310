"""Decode any sound file or waveform to one mono waveform at a given sample rate."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from cargan_tf.audio.ffmpeg_decode import (
    demuxer_if_misread,
    demuxer_if_unreadable,
    demuxer_of,
    read_head,
    size_of,
    sound_begins,
    sound_blocks,
)
from cargan_tf.audio.mixdown import DecodedSound, check_format, check_length, mix_down
from cargan_tf.errors import UserError
from cargan_tf.utils.files import RemotePath

#: Endings of sound files in folders that are searched.
AUDIO_SUFFIXES: Final = frozenset(
    {
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au"),
        *(".caf", ".w64", ".m4a", ".aac", ".wma", ".amr", ".mka", ".weba", ".wv", ".ape"),
        *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".3gp", ".flv", ".mpg", ".ts"),
    }
)


#: Content of a pipe, which is held in memory: 49 minutes of a CD, 512 MB.
MAX_STREAM_BYTES: Final = 1 << 29
#: Tracks of one file that are listened to, in search of one that is not silent.
_MOST_TRACKS: Final = 8
#: Frames decoded at a time: many channels are mixed down before the next block is read.
_BLOCK_FRAMES: Final = 1 << 18


def sound_files(folder: Path) -> list[Path]:
    """The sound files in a folder and those below it, by their endings or their content, sorted.

    Hidden files are none, whatever their ending: macOS leaves ``._a.wav`` beside ``a.wav``. Links
    are followed, each folder once. A folder that cannot be read stands in the list itself, so that
    reading it names it.
    """
    files = folder.rglob("*") if isinstance(folder, RemotePath) else _files_below(folder)
    return sorted(path for path in files if not path.name.startswith(".") and _may_be_sound(path))


def _files_below(folder: Path) -> Iterator[Path]:
    entered: set[str] = set()
    unreadable: list[Path] = []

    def failed(error: OSError) -> None:
        unreadable.append(Path(os.fsdecode(error.filename)))

    for inside, folders, names in os.walk(folder, onerror=failed, followlinks=True):
        real = os.path.realpath(inside)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        yield from (Path(inside, name) for name in names)
    yield from unreadable


def _may_be_sound(path: Path) -> bool:
    """Whether a file is to be read as sound: by its ending, else by its first bytes."""
    if path.suffix.lower() in AUDIO_SUFFIXES:
        return True
    if isinstance(path, RemotePath):
        return False
    if path.is_dir():
        return True  # one that cannot be read
    try:
        return path.is_file() and sound_begins(read_head(os.fsencode(path)))
    except OSError:
        return True  # reading it names it


class _LibsndfileError(UserError):
    """libsndfile does not read a file; FFmpeg may."""


def read_audio(source: Path | str | BinaryIO, sample_rate: int) -> NDArray[np.float32]:
    """Decode a sound file.

    Args:
        source: a file's path, or a binary stream of a file's content. Any format of libsndfile
            (wav, flac, ogg, mp3, aiff, ...), or m4a, aac, webm, wma and the sound of videos; by
            its content, not its name.
        sample_rate: Hz wanted.

    Returns:
        [samples], mono (the mean over channels), full scale at ±1. A file cut off in its data
        gives what is left of it.

    Raises:
        UserError: no such file, a folder, not a sound file, no samples, NaN or infinite samples,
            or a length, rate or number of channels out of bounds.
    """
    return decode_file(source, sample_rate).samples


def decode_file(source: Path | str | BinaryIO, sample_rate: int) -> DecodedSound:
    """Decode a sound file and say what was put right in it; as ``read_audio``.

    Channels that are silent, or opposite in sign to a louder one, would weaken or cancel the mean:
    the silent ones are left out, the others are inverted. Samples in the range of integers are
    scaled. Of several tracks the first is taken that is not silent.
    """
    name, content = _name_of(source), sound_opener(source)
    head = _head(content, name)
    demuxer = demuxer_of(head)
    if demuxer is None:
        try:
            with _opened(content, name) as file:
                demuxer = _misread(file, head, content, name)
                if demuxer is None:
                    check_length(name, file.frames, int(file.samplerate))
                    return mix_down(
                        lambda: _blocks(file),
                        sample_rate,
                        name,
                        math.ceil(file.frames * sample_rate / file.samplerate) + 1,
                    )
        except _LibsndfileError as error:
            demuxer = demuxer_if_unreadable(head)
            if demuxer is None:
                raise
            try:
                return _decoded_by_ffmpeg(content, demuxer, sample_rate, name)
            except UserError:
                raise error from None
    return _decoded_by_ffmpeg(content, demuxer, sample_rate, name)


def must_be_read_whole(path: Path) -> bool:
    """Whether libsndfile cannot read a file, or not rightly, so that it cannot seek in it.

    Raises:
        UserError: as ``read_audio``.
    """
    content = sound_opener(path)
    head = _head(content, str(path))
    if demuxer_of(head) is not None:
        return True
    try:
        with _opened(content, str(path)) as file:
            return _misread(file, head, content, str(path)) is not None
    except _LibsndfileError:
        if demuxer_if_unreadable(head) is None:
            raise
        return True


def _head(content: bytes | BinaryIO, name: str) -> bytes:
    try:
        return read_head(content)
    except OSError as error:
        raise UserError(
            f"{name} cannot be read as sound ({error.strerror}); expected a file that may be read:"
            " check its permissions"
        ) from error


def _misread(
    file: soundfile.SoundFile, head: bytes, content: bytes | BinaryIO, name: str
) -> str | None:
    size = size_of(content)
    return demuxer_if_misread(file.format, file.frames, int(file.samplerate), head, size, name)


def _decoded_by_ffmpeg(
    content: bytes | BinaryIO, demuxer: str, sample_rate: int, name: str
) -> DecodedSound:
    """The first track that is not silent; the first of all if none is."""
    first = mix_down(lambda: sound_blocks(content, demuxer, name), sample_rate, name)
    if np.any(first.samples):
        return first
    for track in range(1, _MOST_TRACKS):
        blocks = partial(sound_blocks, content, demuxer, name, track)
        try:
            sound = mix_down(blocks, sample_rate, name)
        except UserError:  # there is no such track, or nothing in it
            break
        if np.any(sound.samples):
            return replace(
                sound, notes=(f"track 1 is silent; track {track + 1} is used", *sound.notes)
            )
    return first


def _blocks(file: soundfile.SoundFile) -> Iterator[tuple[NDArray[np.float32], int]]:
    """All of a file, from its start: [samples, channels] and the rate in Hz."""
    if file.tell():
        file.seek(0)
    left = file.frames
    while left > 0:
        block = file.read(min(left, _BLOCK_FRAMES), dtype="float32", always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield block, int(file.samplerate)


@contextmanager
def open_sound(source: Path | str | BinaryIO) -> Iterator[soundfile.SoundFile]:
    """A file that libsndfile reads, its header within the bounds; nothing is decoded yet.

    Raises:
        UserError: as ``read_audio``, for what is found here and for what reading meets.
    """
    name = _name_of(source)
    with _opened(sound_opener(source), name) as file:
        check_length(name, file.frames, int(file.samplerate))
        yield file


@contextmanager
def _opened(content: bytes | BinaryIO, name: str) -> Iterator[soundfile.SoundFile]:
    """What ``sound_opener`` gave, its rate and channels within the bounds."""
    try:
        with soundfile.SoundFile(content) as file:
            if file.format == "RAW":  # libsndfile guesses it by the name alone
                raise _LibsndfileError(
                    f"{name} has no header; expected a sound file: convert it with ffmpeg"
                )
            check_format(name, int(file.samplerate), file.channels)
            yield file
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        # TypeError: a name that ends in .raw makes soundfile ask for a rate it was not given.
        raise _LibsndfileError(
            f"{name} cannot be read as sound ({_reason(error)}); expected a wav, flac, ogg, mp3"
            " or m4a file: check that it is one, or convert it with ffmpeg"
        ) from error


def sound_opener(source: Path | str | BinaryIO) -> bytes | BinaryIO:
    """What ``soundfile`` opens, whatever the file is called and wherever it is.

    Raises:
        UserError: there is no such file, or it is a folder, a pipe or too long a stream.
    """
    if isinstance(source, RemotePath):
        return _content(source)
    if isinstance(source, (Path, str)):
        _check_path(source)
        return os.fsencode(source)  # soundfile cannot encode a name that is no UTF-8
    return _seekable(source)


def _content(path: RemotePath) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check the path") from error


def _name_of(source: Path | str | BinaryIO) -> str:
    """How messages call the source."""
    if isinstance(source, (Path, str)):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "the sound received"


def _check_path(source: Path | str) -> None:
    """Refuse what is no file, before it is opened: opening a pipe waits for whoever writes."""
    # os.path, as pathlib raises for names the system cannot have (too long, say).
    if os.path.isdir(source) and not os.access(source, os.R_OK | os.X_OK):
        raise UserError(f"{source} is a folder that cannot be read: check its permissions")
    if os.path.isdir(source):
        raise UserError(f"{source} is a folder; expected a sound file: name one of its files")
    if not os.path.exists(source):
        link = " leads nowhere" if os.path.islink(source) else " does not exist"
        raise UserError(f"{source}{link}; expected a sound file: check the path")
    if not stat.S_ISREG(os.stat(source).st_mode):
        raise UserError(
            f"{source} is a pipe or a device; expected a sound file: pipe it into standard input,"
            " which - stands for"
        )


def _reason(error: Exception) -> str:
    """What libsndfile (or the system) found, in one line."""
    reason = " ".join(str(getattr(error, "error_string", error)).split())
    # libsndfile says so of a file that is there, named .mp3, and not MPEG audio.
    return "Format not recognized." if reason.startswith("File does not exist") else reason


def _seekable(stream: BinaryIO) -> BinaryIO:
    """A stream libsndfile can move about in: a pipe's content is taken into memory."""
    if stream.seekable():
        return stream
    content = stream.read(MAX_STREAM_BYTES + 1)
    if len(content) > MAX_STREAM_BYTES:
        raise UserError(
            f"{_name_of(stream)} holds more than {MAX_STREAM_BYTES >> 20} MB; expected a"
            " recording that fits into memory: save it as a file first"
        )
    return io.BytesIO(content)
