"""Decode any sound file or waveform to one mono waveform at a given sample rate."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from cargan_tf.audio.ffmpeg_decode import (
    Decoding,
    demuxer_if_unreadable,
    demuxer_of,
    mpeg_audio_begins,
    sound_begins,
    sound_blocks,
)
from cargan_tf.audio.mixdown import (
    MAX_FRAMES,
    MAX_SECONDS,
    DecodedSound,
    check_format,
    check_length,
    mix_down,
)
from cargan_tf.audio.sound_headers import (
    OGG,
    UNKNOWN_FRAMES,
    FramedSound,
    begins_as_mpeg_frame,
    begins_with_tag,
    check_not_lost,
    find_mpeg_audio,
    find_ogg_pages,
    flac_goes_on,
    has_mpeg_sync,
    length_note,
    other_kind,
    read_head,
    wav_goes_on,
)
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
#: FFmpeg's demuxers of containers that say how long they are; of others it makes a guess.
_WITH_LENGTH: Final = frozenset({"mov", "wv", "tta", "ape", "tak", "mpc8"})
#: Frames decoded at a time: many channels are mixed down before the next block is read.
_BLOCK_FRAMES: Final = 1 << 18


def sound_files(folder: Path, follow: Callable[[Path], bool] | None = None) -> list[Path]:
    """The sound files in a folder and those below it, by their endings or their content, sorted.

    Hidden files are none, whatever their ending: macOS leaves ``._a.wav`` beside ``a.wav``. Links
    are followed, each folder once. A folder that cannot be read stands in the list itself, so that
    reading it names it.

    Args:
        folder: where to search.
        follow: whether an entry of a folder is looked at; all are by default.
    """
    files = folder.rglob("*") if isinstance(folder, RemotePath) else _files_below(folder, follow)
    return sorted(path for path in files if not path.name.startswith(".") and _may_be_sound(path))


def _files_below(folder: Path, follow: Callable[[Path], bool] | None) -> Iterator[Path]:
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
        if follow is not None:
            folders[:] = [name for name in folders if follow(Path(inside, name))]
            names = [name for name in names if follow(Path(inside, name))]
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
    scaled, and an offset that would count as loudness is taken out. Of several tracks the first is
    taken that is not silent. A header that says something else of the length is not believed.
    """
    name, content = _name_of(source), sound_opener(source)
    way = _way_of(content, name)
    if way.demuxer is not None:
        return _decoded_by_ffmpeg(content, way, sample_rate, name)
    try:
        with _opened(content, name) as file:
            way = _way_if_misread(file, content, way)
            if way.demuxer is None:
                rate = int(file.samplerate)
                check_length(name, file.frames, rate)
                way = replace(way, claimed_seconds=file.frames / rate)  # should it fail on the way
                most = math.ceil(file.frames * sample_rate / rate) + 1
                sound = mix_down(lambda: _blocks(file), sample_rate, name, most)
                cut_off = length_note(way.claimed_seconds, len(sound.samples) / sample_rate)
                return replace(sound, notes=(*cut_off, *sound.notes))
    except _LibsndfileError as error:
        if way.if_unreadable is None:
            raise
        way = replace(way, demuxer=way.if_unreadable)
        try:
            return _decoded_by_ffmpeg(content, way, sample_rate, name)
        except UserError:
            raise error from None
    return _decoded_by_ffmpeg(content, way, sample_rate, name)


def must_be_read_whole(path: Path) -> bool:
    """Whether libsndfile cannot read a file, or not rightly, so that it cannot seek in it.

    Raises:
        UserError: as ``read_audio``.
    """
    content = sound_opener(path)
    way = _way_of(content, str(path))
    if way.framed is not None:
        return way.framed.lost > 0 or way.framed.odd
    if way.demuxer is not None:
        return True
    try:
        with _opened(content, str(path)) as file:
            return _way_if_misread(file, content, way).demuxer is not None
    except _LibsndfileError:
        if way.if_unreadable is None:
            raise
        return True


@dataclass(frozen=True)
class _Way:
    """How a file is decoded.

    Attributes:
        demuxer: FFmpeg's; ``None`` for libsndfile.
        if_unreadable: FFmpeg's, in case that libsndfile fails.
        options: of the demuxer.
        framed: where the file is MPEG audio, or Ogg with gaps, what is in it.
        claimed_seconds: length that its header says, where it is wrong.
    """

    demuxer: str | None
    if_unreadable: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    framed: FramedSound | None = None
    claimed_seconds: float = 0.0


def _way_of(content: bytes | BinaryIO, name: str) -> _Way:
    """By the first bytes of a file, and all frames of MPEG audio.

    MP3 is left to FFmpeg, which gives the same samples: libmpg123, which libsndfile uses, believes
    headers, and writes to standard error. For a part of a long MP3 in order it will do.

    Raises:
        UserError: it is no sound, or most of it is none.
    """
    try:
        head = read_head(content)
        demuxer = demuxer_of(head)
        if demuxer is not None:
            return _Way(demuxer)
        if mpeg_audio_begins(head) or begins_as_mpeg_frame(head):
            mpeg = find_mpeg_audio(content)
            check_not_lost(mpeg, name)
            return _Way("mp3", framed=mpeg, claimed_seconds=mpeg.claimed_seconds)
        if head.startswith(OGG):
            pages = find_ogg_pages(content)
            check_not_lost(pages, name)
            if pages.lost:
                return _Way("ogg", framed=pages)
        kind, tagged = other_kind(head), begins_with_tag(content)
    except OSError as error:
        raise UserError(
            f"{name} cannot be read as sound ({error.strerror}); expected a file that may be read:"
            " check its permissions"
        ) from error
    if_unreadable = demuxer_if_unreadable(head)
    if kind is None and (tagged or has_mpeg_sync(head)) and if_unreadable is None:
        # libsndfile takes it for MP3 and searches through all of it.
        kind = "no MP3 file, though it begins as one"
    if kind is not None:
        raise UserError(f"{name} is {kind}; expected a sound file: check what it is")
    return _Way(None, if_unreadable)


def _way_if_misread(file: soundfile.SoundFile, content: bytes | BinaryIO, way: _Way) -> _Way:
    """``way``, or that of FFmpeg where the header misleads libsndfile."""
    claimed = file.frames / file.samplerate
    if file.format == "FLAC":
        if file.frames == UNKNOWN_FRAMES:
            return replace(way, demuxer="flac")
        if flac_goes_on(content):
            return replace(way, demuxer="flac", claimed_seconds=claimed)
    elif file.frames == 0 and way.if_unreadable is not None:
        # A pipe's: its length was not known when its header was written.
        return replace(way, demuxer=way.if_unreadable)
    elif file.format in ("WAV", "WAVEX") and wav_goes_on(content):
        options = (("ignore_length", "1"),)
        return replace(way, demuxer="wav", options=options, claimed_seconds=claimed)
    return way


def _decoded_by_ffmpeg(
    content: bytes | BinaryIO, way: _Way, sample_rate: int, name: str
) -> DecodedSound:
    """The first track that is not silent; the first of all if none is."""
    assert way.demuxer is not None
    demuxer, options = way.demuxer, dict(way.options)
    track = _sounding_track(content, demuxer, options, name)
    decoding = Decoding()
    sound = mix_down(
        lambda: sound_blocks(content, demuxer, name, track, options, decoding), sample_rate, name
    )
    claimed, read = way.claimed_seconds, len(sound.samples) / sample_rate
    if demuxer in _WITH_LENGTH and decoding.claimed_seconds > read:  # cut off
        claimed = decoding.claimed_seconds
    notes = [*track_notes(track)]
    if way.framed is not None and way.framed.lost:
        notes.append(f"{way.framed.lost_fraction:.1%} of its bytes are no sound and passed over")
    if claimed:
        notes += length_note(claimed, way.framed.seconds if way.framed is not None else read)
    return replace(sound, notes=(*notes, *decoding.notes(), *sound.notes))


def sounding_track(path: Path) -> int:
    """The index of the first track of a container that is not silent; 0 if all are.

    Remembered until the file changes: thousands of clips may come from one video, and a silent
    track is decoded as far as it goes.

    Raises:
        UserError: as ``read_audio``.
    """
    try:
        found = os.stat(path)
    except OSError:  # remote, or opening it says why
        return _find_sounding_track(path)
    return _known_sounding_track(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _known_sounding_track(path: Path, _modified: int, _size: int) -> int:
    return _find_sounding_track(path)


def _find_sounding_track(path: Path) -> int:
    content = sound_opener(path)
    way = _way_of(content, str(path))
    demuxer = way.demuxer or way.if_unreadable
    return 0 if demuxer is None else _sounding_track(content, demuxer, {}, str(path))


def track_notes(track: int) -> tuple[str, ...]:
    """What is said where the first track is not heard."""
    return (f"track 1 is silent; track {track + 1} is used",) if track else ()


def _sounding_track(
    content: bytes | BinaryIO, demuxer: str, options: dict[str, str], name: str
) -> int:
    """The index of the first track that is not silent; 0 if all are.

    Decoded is only what is silent at the beginning of the tracks, of each no more than a sound may
    last.
    """
    for track in range(_MOST_TRACKS):
        blocks = sound_blocks(content, demuxer, name, track, options)
        empty, frames = True, 0
        try:
            for block, rate in blocks:
                empty = False
                if np.any(block):
                    return track
                frames += len(block)
                if frames > min(MAX_SECONDS * rate, MAX_FRAMES):
                    break
        except UserError:
            if not track:
                return 0  # decoding it says why
            break
        finally:
            blocks.close()
        if empty and track:  # there is no such track
            break
    return 0


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
    # By its number, as libsndfile guesses by the name where it does not know the content.
    opened = os.open(content, os.O_RDONLY) if isinstance(content, bytes) else None
    try:
        with soundfile.SoundFile(content if opened is None else opened, closefd=False) as file:
            check_format(name, int(file.samplerate), file.channels)
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split())
        raise _LibsndfileError(
            f"{name} cannot be read as sound ({reason}); expected a wav, flac, ogg, mp3 or m4a"
            " file: check that it is one, or convert it with ffmpeg"
        ) from error
    finally:
        if opened is not None:
            os.close(opened)


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
