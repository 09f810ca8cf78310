"""Decoding with FFmpeg (PyAV): the sound of containers that libsndfile does not know.

Which files come here is decided by their first bytes, never by their name, and the demuxer is
named: FFmpeg must not probe, as playlists make it open files and addresses of their choice.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

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
    (0, b"TTA1", "tta"),
    (0, b"tBaK", "tak"),
    (0, b"MPCK", "mpc8"),
    (0, b"MP+", "mpc"),
    (0, b"\x7f\xfe\x80\x01", "dts"),
    (0, b"DSD ", "dsf"),
    (0, b".RMF", "rm"),
    (0, b"\x06\x0e+4\x02\x05\x01\x01", "mxf"),
)
#: The same for containers that libsndfile reads, but with fewer codecs (AAC in WAV, FLAC or Speex
#: in Ogg), or not once they are cut off.
_SHARED_CONTAINERS: Final = (
    (8, b"WAVE", "wav"),
    (0, b"riff", "w64"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"FORM", "aiff"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
)
#: Brands of images in the container of videos: HEIF and AVIF.
_IMAGE_BRANDS: Final = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
#: Bytes that are looked at; the first frames of MPEG audio are among them.
HEAD: Final = 1 << 16
#: Bytes of an ID3v2 tag's header, and tags in a row.
_ID3_HEADER, _MOST_TAGS = 10, 4
#: MPEG audio, kbit/s by index from 1: MPEG-1 layers I to III, then MPEG-2 (and 2.5) layer I, and
#: II and III; ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3.
_BIT_RATES: Final = {
    (True, 1): tuple(range(32, 449, 32)),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
#: Hz of MPEG-1; halved for MPEG-2, quartered for 2.5.
_MPEG_RATES: Final = (44_100, 48_000, 32_000)
#: So many frames in a row are no accident.
_FRAMES_IN_A_ROW: Final = 3
_TS_SYNC: Final = 0x47
#: The last version of AC-3's bit stream; Enhanced AC-3 has later ones (ETSI TS 102 366).
_LAST_AC3: Final = 10
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
        head: its first bytes, as ``read_head`` gives them.
    """
    found = _by_magic(head, _CONTAINERS)
    if found is not None:
        return found
    # ADTS has MPEG's sync word with layer 0, which MPEG audio does not have; LATM has its own.
    if len(head) > 5 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 5 and head[0] == 0x56 and head[1] & 0xE0 == 0xE0:
        return "loas"
    if len(head) > 5 and head[:2] == b"\x0bw":
        return "ac3" if head[5] >> 3 <= _LAST_AC3 else "eac3"
    # A packet begins every 188 bytes, or every 192 with a time before each (Blu-ray, cameras).
    for first, packet in ((0, 188), (4, 192)):
        if len(head) > first + packet and head[first] == head[first + packet] == _TS_SYNC:
            return "mpegts"
    return None


def demuxer_if_unreadable(head: bytes) -> str | None:
    """FFmpeg's demuxer for a container that libsndfile knows, in case that it fails on the file."""
    return "mp3" if mpeg_audio_begins(head) else _by_magic(head, _SHARED_CONTAINERS)


def sound_begins(head: bytes) -> bool:
    """Whether a sound file or a video begins with these bytes."""
    if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS:
        return False
    if head[:4] == b"FORM" and head[8:12] not in (b"AIFF", b"AIFC"):
        return False
    return demuxer_of(head) is not None or demuxer_if_unreadable(head) is not None


def _by_magic(head: bytes, containers: tuple[tuple[int, bytes, str], ...]) -> str | None:
    for offset, magic, name in containers:
        if head[offset : offset + len(magic)] == magic:
            return name
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
        if not mpeg_audio_begins(head):
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


def mpeg_audio_begins(head: bytes) -> bool:
    """Whether MPEG audio begins here: frames in a row, after nothing but zeros.

    Decoders search for a sync word in whatever they are given, and find one in any large file.
    """
    position = len(head) - len(head.lstrip(b"\0"))
    for count in range(_FRAMES_IN_A_ROW):
        length = _mpeg_frame_bytes(head[position : position + 4])
        if length is None:
            return False
        position += length
        if position >= len(head):  # a short file, or one cut off, with a whole frame
            return count > 0 or position == len(head)
    return True


def _mpeg_frame_bytes(header: bytes) -> int | None:
    """Length of a frame of MPEG audio by its header of four bytes; ``None`` if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # 3: MPEG-1, 2: 2, 0: 2.5
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    hertz = _MPEG_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    bits = 1000 * _BIT_RATES[version == 3, layer][bit_rate - 1]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding


def read_head(source: bytes | BinaryIO) -> bytes:
    """The first bytes after any ID3 tags of what ``soundfile`` would open; a stream stays put."""
    if isinstance(source, bytes):
        with open(source, "rb") as file:
            return _after_tags(file, 0)
    here = source.tell()
    head = _after_tags(source, here)
    source.seek(here)
    return head


def _after_tags(stream: BinaryIO, start: int) -> bytes:
    for _ in range(_MOST_TAGS):
        stream.seek(start)
        tag = stream.read(_ID3_HEADER)
        if tag[:3] != b"ID3" or len(tag) < _ID3_HEADER:
            break
        size = 0
        for byte in tag[6:]:  # seven bits of each byte
            size = size << 7 | byte & 0x7F
        start += _ID3_HEADER + size
    stream.seek(start)
    return stream.read(HEAD)


class SeekableStream:
    """A binary stream for FFmpeg, which asks for any place that a damaged file names.

    Of one that is not there it is told that it is not; Python's own streams raise an error, which
    PyAV passes on in place of FFmpeg's, or prints.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read, self.tell = stream.read, stream.tell
        self.name = getattr(stream, "name", "")

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position, or -1 if there is no such place."""
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def sound_blocks(
    source: bytes | BinaryIO, demuxer: str, name: str, track: int = 0
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The sound of a file, block by block.

    Args:
        source: a path as bytes, or a binary stream.
        demuxer: FFmpeg's, such as ``mov``.
        name: of the sound in messages.
        track: which of several sounds, from 0; there are no blocks of one that is not there.

    Yields:
        [samples, channels] with full scale at ±1, and the rate in Hz.

    Raises:
        UserError: there is no sound, or it is damaged from its start or in most of its parts.
    """
    import av

    stream: BinaryIO = open(source, "rb") if isinstance(source, bytes) else source  # noqa: SIM115
    if stream is source:
        stream.seek(0)  # libsndfile may have read from it
    try:
        with av.open(
            SeekableStream(stream), "r", format=demuxer, metadata_errors="replace"
        ) as container:
            tracks = container.streams.audio
            if not tracks:
                raise UserError(
                    f"{name} holds no sound; expected a sound file or a video with sound"
                )
            if track < len(tracks):
                yield from _decoded(container, tracks[track], name)
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{name} cannot be read as sound ({reason}); check that it is whole, or convert it with"
            " ffmpeg"
        ) from error
    finally:
        if isinstance(source, bytes):
            stream.close()


def _decoded(
    container: InputContainer, track: AudioStream, name: str
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The blocks of a track; damaged packets are left out, and a file may be cut off.

    Raises:
        UserError: more packets are damaged than whole.
    """
    import av

    resampler = av.AudioResampler(format="fltp")
    packets = container.demux(track)
    whole = damaged = 0
    first_error: av.FFmpegError | None = None
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:  # the end of what is left of the file
            first_error = first_error or error
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            first_error = first_error or error
            damaged += 1
            continue
        if not frames and whole and packet.size:  # decoders need a few packets to begin
            damaged += 1
        for frame in frames:
            whole += 1
            for part in resampler.resample(frame):
                yield part.to_ndarray().T.astype(np.float32, copy=False), part.sample_rate
    if first_error is not None and not whole:
        raise first_error
    if damaged > whole:
        raise UserError(
            f"{name} is damaged: {damaged} of {damaged + whole} parts cannot be decoded; check that"
            " it is whole"
        )


def size_of(source: bytes | BinaryIO) -> int:
    """Bytes of what ``soundfile`` would open."""
    if isinstance(source, bytes):
        return os.stat(source).st_size
    here = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(here)
    return size
