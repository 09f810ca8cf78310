"""Decoding with FFmpeg (PyAV): the sound of containers that libsndfile does not know.

Which files come here is decided by their first bytes, never by their name, and the demuxer is
named: FFmpeg must not probe, as playlists make it open files and addresses of their choice.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.container_claims import check_claims
from cargan_tf.audio.mixdown import check_format
from cargan_tf.audio.sound_headers import begin_of_mpeg_audio
from cargan_tf.errors import UserError, counted

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

#: First bytes (offset, content) of containers, and FFmpeg's demuxer for them.
_CONTAINERS: Final = (
    (4, b"ftyp", "mov"),  # m4a, mp4, mov, 3gp
    (4, b"moov", "mov"),
    (4, b"wide", "mov"),
    (4, b"mdat", "mov"),
    (4, b"free", "mov"),
    (4, b"skip", "mov"),
    (4, b"pnot", "mov"),
    (4, b"styp", "mov"),  # a segment of a stream
    (4, b"moof", "mov"),
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
_TS_SYNC: Final = 0x47
#: FFmpeg's name of float32 samples whose channels alternate.
_PACKED: Final = "flt"
#: Packets of a track at most: an hour in the shortest ones, Opus' of 2.5 ms, are 1.4 million. A
#: table of a few bytes can name the same packet as often as it likes.
MAX_PACKETS: Final = 4_000_000
#: Packets without sound, beyond as many as have one, after which a track is given up.
_MOST_WITHOUT_SOUND: Final = 100_000
#: The last version of AC-3's bit stream; Enhanced AC-3 has later ones (ETSI TS 102 366).
_LAST_AC3: Final = 10


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
    return _by_magic(head, _SHARED_CONTAINERS) or ("mp3" if mpeg_audio_begins(head) else None)


def mpeg_audio_begins(head: bytes) -> bool:
    """Whether MPEG audio begins here, and not a container whose samples look like it."""
    known = _by_magic(head, _CONTAINERS) or _by_magic(head, _SHARED_CONTAINERS)
    return known is None and begin_of_mpeg_audio(head) is not None


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


@dataclass
class Decoding:
    """How the decoding of a track went; complete once all of its blocks were taken.

    Attributes:
        claimed_seconds: length that the container says; 0 where it says none.
        whole: frames that were decoded.
        damaged: packets that could not be decoded.
    """

    claimed_seconds: float = 0.0
    whole: int = 0
    damaged: int = 0

    def notes(self) -> tuple[str, ...]:
        """What the listener should know of it."""
        if not self.damaged:
            return ()
        parts = counted(self.damaged + self.whole, "part")
        return (f"{self.damaged} of its {parts} are damaged and left out",)


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


class FloatFrames:
    """Samples of the frames that PyAV decodes.

    They are taken out packed: PyAV counts the planes of planar sound up to a null pointer, which
    does not come where there are 8 or more, and the process dies.
    """

    def __init__(self, name: str) -> None:
        """``name`` is the sound's in messages."""
        self._name = name
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, int, str] | None = None

    def blocks(self, frame: AudioFrame) -> Iterator[tuple[NDArray[np.float32], int]]:
        """[samples, channels] with full scale at ±1, and the rate in Hz.

        Raises:
            UserError: the rate or the number of channels is out of bounds.
        """
        import av

        check_format(self._name, frame.sample_rate, frame.layout.nb_channels)
        # A resampler looks at its first frame only, and may hand on the others as they are.
        kind = frame.format.name, frame.sample_rate, frame.layout.name
        if self._resampler is None or kind != self._kind:
            self._resampler = av.AudioResampler(format=_PACKED)  # rate and channels stay
            self._kind = kind
        for part in self._resampler.resample(frame):
            samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
            yield samples.astype(np.float32, copy=False), part.sample_rate


def sound_blocks(
    source: bytes | BinaryIO,
    demuxer: str,
    name: str,
    track: int = 0,
    options: Mapping[str, str] | None = None,
    decoding: Decoding | None = None,
) -> Generator[tuple[NDArray[np.float32], int]]:
    """The sound of a file, block by block.

    Args:
        source: a path as bytes, or a binary stream.
        demuxer: FFmpeg's, such as ``mov``.
        name: of the sound in messages.
        track: which of several sounds, from 0; there are no blocks of one that is not there.
        options: of the demuxer.
        decoding: is filled in.

    Yields:
        [samples, channels] with full scale at ±1, and the rate in Hz.

    Raises:
        UserError: there is no sound, or it is damaged from its start or in most of its parts.
    """
    import av

    stream: BinaryIO = open(source, "rb") if isinstance(source, bytes) else source  # noqa: SIM115
    if stream is source:
        stream.seek(0)  # libsndfile may have read from it
    decoding = decoding or Decoding()
    decoding.whole = decoding.damaged = 0
    try:
        check_claims(source, demuxer, name)
        with av.open(
            SeekableStream(stream),
            "r",
            format=demuxer,
            options=dict(options or {}),
            metadata_errors="replace",
        ) as container:
            tracks = container.streams.audio
            if not tracks:
                raise UserError(
                    f"{name} holds no sound; expected a sound file or a video with sound"
                )
            if track < len(tracks):
                chosen = tracks[track]
                if chosen.duration and chosen.time_base:
                    decoding.claimed_seconds = float(chosen.duration * chosen.time_base)
                yield from _decoded(container, chosen, name, decoding)
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
    container: InputContainer, track: AudioStream, name: str, decoding: Decoding
) -> Generator[tuple[NDArray[np.float32], int]]:
    """The blocks of a track; damaged packets are left out, and a file may be cut off.

    Raises:
        UserError: more packets are damaged than whole, or there are more than a sound can have.
    """
    import av

    frames_read = FloatFrames(name)
    packets = container.demux(track)
    first_error: Exception | None = None
    for count in itertools.count(1):
        if count > min(MAX_PACKETS, 2 * decoding.whole + _MOST_WITHOUT_SOUND):
            raise UserError(
                f"{name} has more than {count - 1:,} parts, of which {decoding.whole:,} hold sound;"
                f" expected at most {MAX_PACKETS:,}, most of them with sound: check that it is"
                " whole, or convert it with ffmpeg"
            )
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:  # the end of what is left of the file
            first_error = first_error or error
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            first_error = first_error or error
            decoding.damaged += 1
            continue
        if not frames and decoding.whole and packet.size:  # decoders need a few packets to begin
            decoding.damaged += 1
        for frame in frames:
            decoding.whole += 1
            yield from frames_read.blocks(frame)
    if first_error is not None and not decoding.whole:
        raise first_error
    if decoding.damaged > decoding.whole:
        raise UserError(
            f"{name} is damaged: {decoding.damaged} of {decoding.damaged + decoding.whole} parts"
            " cannot be decoded; check that it is whole"
        )
