"""Decoding with FFmpeg (PyAV): the sound of containers that libsndfile does not know.

Which files come here is decided by their first bytes, never by their name, and the demuxer is
named: FFmpeg must not probe, as playlists make it open files and addresses of their choice.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError

#: First bytes (offset, content) of containers, and FFmpeg's demuxer for them.
_CONTAINERS: Final = (
    (4, b"ftyp", "mov"),  # m4a, mp4, mov, 3gp
    (4, b"moov", "mov"),
    (4, b"wide", "mov"),
    (4, b"mdat", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"),  # webm, mkv
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),  # wma, wmv
    (0, b"FLV\x01", "flv"),
    (8, b"AVI ", "avi"),
    (0, b"#!AMR", "amr"),
    (0, b"ADIF", "aac"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
)
#: Bytes that are looked at.
HEAD: Final = 16
_TS_PACKET, _TS_SYNC = 188, 0x47
#: MPEG audio bit rates lie below this; a file of more bytes than its length accounts for says too
#: little of its length.
_HIGHEST_MP3_RATE: Final = 320_000
#: Bytes of tags and a cover that say nothing of the length.
_MP3_TAGS: Final = 65_536
#: libsndfile's count for FLAC written to a pipe, with no length in its header. soundfile 0.13
#: fails at the end of it.
UNKNOWN_FRAMES: Final = 2**63 - 1


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's demuxer for a file that libsndfile cannot read or reads wrongly, or ``None``.

    Args:
        head: its first bytes, ``HEAD`` of them; one packet more tells MPEG transport streams.
    """
    for offset, magic, name in _CONTAINERS:
        if head[offset : offset + len(magic)] == magic:
            return name
    # ADTS has MPEG's sync word with layer 0, which MPEG audio does not have.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == _TS_SYNC:
        return "mpegts"
    return None


def demuxer_if_misread(
    kind: str, frames: int, rate: int, head: bytes, size: int, name: str
) -> str | None:
    """FFmpeg's demuxer for a file whose header misleads libsndfile, else ``None``.

    Args:
        kind: libsndfile's name of the format, such as ``MP3``.
        frames: that it counts.
        rate: Hz.
        head: the file's first bytes.
        size: of the file in bytes.
        name: of the sound in messages.

    Raises:
        UserError: libsndfile found MP3 frames somewhere in a file that is none.
    """
    if kind == "MP3":
        if not _is_mpeg_audio(head):
            raise UserError(
                f"{name} is not the MP3 file that it is called; expected a sound file: check what"
                " it is"
            )
        accounted_for = (frames / rate) * _HIGHEST_MP3_RATE / 8
        return "mp3" if size > 2 * accounted_for + _MP3_TAGS else None
    if kind == "FLAC" and frames == UNKNOWN_FRAMES:
        return "flac"
    # A pipe's WAV: its length was not known when its header was written.
    return "wav" if kind in ("WAV", "WAVEX") and frames == 0 else None


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether a file begins as MP3 files do: with ID3, or a frame's sync word and a layer."""
    if head[:3] == b"ID3":
        return True
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and bool(head[1] & 0x06)


def read_head(source: bytes | BinaryIO) -> bytes:
    """The first bytes of what ``soundfile`` would open; a stream stays where it is."""
    count = _TS_PACKET + HEAD
    if isinstance(source, bytes):
        with open(source, "rb") as file:
            return file.read(count)
    here = source.tell()
    head = source.read(count)
    source.seek(here)
    return head


def sound_blocks(
    source: bytes | BinaryIO, demuxer: str, name: str
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The sound of a file, block by block.

    Args:
        source: a path as bytes, or a binary stream.
        demuxer: FFmpeg's, such as ``mov``.
        name: of the sound in messages.

    Yields:
        [samples, channels] with full scale at ±1, and the rate in Hz.

    Raises:
        UserError: there is no sound, or it is damaged from its start.
    """
    import av

    stream: BinaryIO = open(source, "rb") if isinstance(source, bytes) else source  # noqa: SIM115
    if stream is source:
        stream.seek(0)  # libsndfile may have read from it
    try:
        with av.open(stream, "r", format=demuxer) as container:
            if not container.streams.audio:
                raise UserError(
                    f"{name} holds no sound; expected a sound file or a video with sound"
                )
            resampler = av.AudioResampler(format="fltp")
            decoded = 0
            try:
                for frame in container.decode(audio=0):
                    for part in resampler.resample(frame):
                        decoded += part.samples
                        yield part.to_ndarray().T.astype(np.float32, copy=False), part.sample_rate
            except av.FFmpegError:
                if not decoded:  # a file cut off gives what is left of it
                    raise
    except (av.FFmpegError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{name} cannot be read as sound ({reason}); check that it is whole, or convert it with"
            " ffmpeg"
        ) from error
    finally:
        if isinstance(source, bytes):
            stream.close()


def size_of(source: bytes | BinaryIO) -> int:
    """Bytes of what ``soundfile`` would open."""
    if isinstance(source, bytes):
        return os.stat(source).st_size
    here = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(here)
    return size
