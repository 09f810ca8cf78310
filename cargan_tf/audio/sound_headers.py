"""What a sound file is by its bytes, and where its header misleads.

Headers lie: a recorder that lost power left the length it had when it last wrote its header, a
pipe could not go back to it, and a download was cut off. What is there is read to its end.
"""

from __future__ import annotations

import io
import os
import string
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from cargan_tf.errors import UserError

#: Bytes that are looked at; the first frames of MPEG audio are among them.
HEAD: Final = 1 << 16
#: Bytes that are looked at first where the next part is sought.
_NEAR: Final = 1 << 9
#: libsndfile's count for FLAC written to a pipe, with no length in its header. soundfile 0.13
#: fails at the end of it.
UNKNOWN_FRAMES: Final = 2**63 - 1
#: A header may say so much more or less than there is: encoders begin and end with silence that
#: players leave out.
TOLERATED_SECONDS: Final = 0.2

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
#: So many frames in a row are no accident; more where they do not begin at once, as loud samples
#: look like the header of a frame.
_FRAMES_IN_A_ROW: Final = 3
_FRAMES_AFTER_ANYTHING: Final = 8
#: The longest frame: a stream that was recorded from its middle begins with the rest of one.
_LONGEST_FRAME: Final = 2_881
#: An hour of the shortest frames, of 4 ms; longer sounds are refused anyway.
_MOST_FRAMES: Final = 900_000
#: What follows the last frame: ID3v1, APE and Lyrics3 tags.
_TAGS_AT_THE_END: Final = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")
#: Flags of Xing's tag, and the part of the bytes it says from which on its seek table is wrong.
_HAS_FRAMES, _HAS_BYTES = 1, 2
_TOLERATED_BYTES: Final = 0.009
#: How a page of Ogg begins, and the bytes of its header before the table of its segments.
OGG: Final = b"OggS"
_OGG_HEADER: Final = 27
#: Bytes after the data of a WAV that are no chunk, from which on its header is not believed.
_STRAY_BYTES: Final = 4_096
_CHUNK_LETTERS: Final = frozenset((string.ascii_letters + string.digits + " _-.").encode())
#: Bytes of the header and end of a frame of FLAC.
_FLAC_OVERHEAD: Final = 64

#: First bytes of what is named like a sound and is none.
_OTHER_KINDS: Final = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG photo"),
    (b"GIF8", "a GIF image"),
    (b"MThd", "a MIDI file, which holds notes and no sound"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself (git lfs pull)"),
)
_WEB_PAGES: Final = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class FramedSound:
    """The frames of MPEG audio, or the pages of Ogg, in a file.

    Attributes:
        seconds: they last together; 0 of pages, which do not say it.
        bytes: they take together.
        lost: bytes before, between and behind them, but for tags and zeros.
        odd: whether frames are cut off, something else than a tag is before or behind them, or the
            first one says that there are other ones.
        claimed_seconds: length that the first frame says; 0 where it says none.
    """

    seconds: float
    bytes: int
    lost: int
    odd: bool = False
    claimed_seconds: float = 0.0

    @property
    def lost_fraction(self) -> float:
        """Of all bytes."""
        return self.lost / max(1, self.bytes + self.lost)


def other_kind(head: bytes) -> str | None:
    """What a file is that is no sound, by its first bytes; ``None`` if that is not known."""
    if not head:
        return "empty"
    text = head[:1024].lstrip().lower()
    if text.startswith(_WEB_PAGES):
        return "a web page"
    return next((kind for start, kind in _OTHER_KINDS if head.startswith(start)), None)


def read_head(source: bytes | BinaryIO) -> bytes:
    """The first bytes after any ID3 tags of what ``soundfile`` would open; a stream stays put."""
    with _reading(source) as (stream, start, _):
        return _after_tags(stream, start)[1]


@contextmanager
def after_tags(source: bytes | BinaryIO) -> Iterator[tuple[BinaryIO, int, int]]:
    """A stream of ``source``, where it begins after any ID3 tags, and where it ends."""
    with _reading(source) as (stream, start, end):
        yield stream, _after_tags(stream, start)[0], end


def begins_with_tag(source: bytes | BinaryIO) -> bool:
    """Whether there is an ID3 tag, which libsndfile takes for the beginning of an MP3 file."""
    with _reading(source) as (stream, start, _):
        stream.seek(start)
        return stream.read(3) == b"ID3"


def has_mpeg_sync(head: bytes) -> bool:
    """Whether a file begins with the sync word, by which libsndfile takes it for MPEG audio."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def begins_as_mpeg_frame(head: bytes) -> bool:
    """Whether a file begins with the header of a frame, whatever follows."""
    return _mpeg_frame(head[:4]) is not None


def begin_of_mpeg_audio(head: bytes) -> int | None:
    """Where MPEG audio begins: frames in a row, after zeros or the rest of a frame.

    Decoders search for a sync word in whatever they are given, and find one in any large file.
    """
    if other_kind(head) is not None:
        return None
    zeros = len(head) - len(head.lstrip(b"\0"))
    if _frames_at(head, zeros, _FRAMES_IN_A_ROW):
        return zeros
    position = -1
    while (position := head.find(b"\xff", position + 1, _LONGEST_FRAME)) >= 0:
        if _frames_at(head, position, _FRAMES_AFTER_ANYTHING):
            return position
    return None


def _frames_at(head: bytes, position: int, count: int) -> bool:
    """Whether so many frames of one kind follow each other, or all up to the end."""
    kind = head[position + 1 : position + 2]
    for number in range(count):
        frame = _mpeg_frame(head[position : position + 4])
        if frame is None or head[position + 1 : position + 2] != kind:
            return False
        position += frame[0]
        if position >= len(head):  # a short file, or one cut off, with a whole frame
            return count == _FRAMES_IN_A_ROW and (number > 0 or position == len(head))
    return True


def _mpeg_frame(header: bytes) -> tuple[int, float] | None:
    """Bytes and seconds of a frame of MPEG audio by its header; ``None`` if it is none."""
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
        return (12 * bits // hertz + padding) * 4, 384 / hertz
    samples = 576 if layer == 3 and version != 3 else 1_152
    return samples // 8 * bits // hertz + padding, samples / hertz


def find_mpeg_audio(source: bytes | BinaryIO) -> FramedSound:
    """Go from frame to frame through all of a file; nothing is decoded.

    The search ends where more was lost than found, so that no file can make it long.
    """
    with _reading(source) as (stream, start, size):
        position, head = _after_tags(stream, start)
        begin = begin_of_mpeg_audio(head) or 0
        lost = begin if head[:begin].strip(b"\0") else 0
        position += begin
        seconds, found, odd = 0.0, 0, begin > 0
        kind = _kind(head[begin:])
        frames, claimed = _claimed_by_first(head[begin:])
        first = _mpeg_frame(head[begin:])
        for _ in range(_MOST_FRAMES):
            stream.seek(position)
            header = stream.read(4)
            frame = _mpeg_frame(header) if _kind(header) == kind else None
            if frame is not None:
                held = min(frame[0], size - position)
                odd |= held < frame[0]
                position, found, seconds = position + held, found + held, seconds + frame[1]
                continue
            if position >= size or _tags_at(stream, position):
                break
            odd = True
            if _zeros_at(stream, position):
                break
            further = _next_frames(stream, position, HEAD + found)
            lost += (size if further is None else further) - position
            if further is None or lost > found + HEAD:
                break
            position = further
        claimed_seconds = 0.0 if first is None else frames * first[1]
        odd |= claimed > 0 and abs(claimed - found) > _TOLERATED_BYTES * found
        odd |= bool(length_note(claimed_seconds or seconds, seconds))
        return FramedSound(seconds, found, lost, odd, claimed_seconds)


def _kind(header: bytes) -> tuple[int, int] | None:
    """Version, layer and rate of a frame, which all frames have in common."""
    return (header[1] & 0xFE, header[2] & 0x0C) if len(header) > 2 else None


def _claimed_by_first(head: bytes) -> tuple[int, int]:
    """Number of all frames and their bytes as the first one says (Xing's tag, and LAME's); 0 for
    what it does not."""
    frame = _mpeg_frame(head)
    first = head[: frame[0]] if frame is not None else b""
    for tag in (b"Xing", b"Info"):
        position = first.find(tag)
        if position >= 0 and len(first) >= position + 16:
            flags = first[position + 7]
            numbers = [int.from_bytes(first[position + at : position + at + 4]) for at in (8, 12)]
            frames = numbers.pop(0) if flags & _HAS_FRAMES else 0
            return frames, numbers[0] if flags & _HAS_BYTES else 0
    return 0, 0


def find_ogg_pages(source: bytes | BinaryIO) -> FramedSound:
    """Go from page to page through all of an Ogg file; as ``find_mpeg_audio``."""
    with _reading(source) as (stream, start, size):
        position, found, lost = _after_tags(stream, start)[0], 0, 0
        while position < size:
            stream.seek(position)
            header = stream.read(_OGG_HEADER)
            if header[:4] == OGG and len(header) == _OGG_HEADER:
                segments = stream.read(header[-1])
                length = min(_OGG_HEADER + len(segments) + sum(segments), size - position)
                position, found = position + length, found + length
                continue
            if _zeros_at(stream, position):
                break
            next_page = -1
            for length in (_NEAR, HEAD + 4):  # most are near, and there may be millions
                if next_page < 0:
                    stream.seek(position + 1)
                    next_page = stream.read(length).find(OGG)
            step = HEAD if next_page < 0 else 1 + next_page
            lost += min(step, size - position)
            position += step
            if lost > found + HEAD:
                break
        return FramedSound(0.0, found, lost)


def _next_frames(stream: BinaryIO, position: int, most: int) -> int | None:
    """Where frames in a row begin again after ``position``, within so many bytes."""
    end = position + most
    while position < end:
        stream.seek(position)
        part = stream.read(2 * HEAD)
        found = -1
        while (found := part.find(b"\xff", found + 1, HEAD)) >= 0:
            if _frames_at(part, found, _FRAMES_IN_A_ROW):
                return position + found
        if len(part) < 2 * HEAD:
            return None
        position += HEAD
    return None


def _tags_at(stream: BinaryIO, position: int) -> bool:
    stream.seek(position)
    return stream.read(len(_TAGS_AT_THE_END[-1])).startswith(_TAGS_AT_THE_END)


def _zeros_at(stream: BinaryIO, position: int) -> bool:
    for length in (_NEAR, HEAD):
        stream.seek(position)
        if stream.read(length).strip(b"\0"):
            return False
    return True


def wav_goes_on(source: bytes | BinaryIO) -> bool:
    """Whether a WAV file goes on with samples where its header says that they end."""
    with _reading(source) as (stream, start, size):
        stream.seek(start)
        if stream.read(4) != b"RIFF":  # RF64 has its sizes elsewhere
            return False
        position = start + 12
        while position + 8 <= size:
            stream.seek(position)
            name, length = struct.unpack("<4sI", stream.read(8))
            position += 8 + length
            if name == b"data":
                return length > 0 and _is_no_chunk(stream, position, size)
            position += length % 2
    return False


def _is_no_chunk(stream: BinaryIO, position: int, size: int) -> bool:
    """Whether neither a chunk nor padding follows, but much of something else."""
    if size - position < _STRAY_BYTES:
        return False
    stream.seek(position)
    rest = stream.read(_STRAY_BYTES)
    if rest.startswith((b"TAG", b"ID3", b"APETAGEX")) or not rest.strip(b"\0"):
        return False
    return not any(set(rest[odd : odd + 4]) <= _CHUNK_LETTERS for odd in (0, 1))


def flac_goes_on(source: bytes | BinaryIO) -> bool:
    """Whether a FLAC file is too large for the samples that its header claims.

    One that claims more than the bounds allow is refused, whatever there is of it.
    """
    with _reading(source) as (stream, start, size):
        position, head = _after_tags(stream, start)
        if head[:4] != b"fLaC" or len(head) < 26 or head[4] & 0x7F:
            return False
        largest = max(16, int.from_bytes(head[10:12], "big"))
        packed = int.from_bytes(head[18:26], "big")
        channels, bits = (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
        claimed = packed & (2**36 - 1)
        position += 4
        last = False
        while not last and position + 4 <= size:
            stream.seek(position)
            block = stream.read(4)
            last = block[0] >= 0x80
            position += 4 + int.from_bytes(block[1:], "big")
        held = size - position
        frames = -(-claimed // largest)
        uncompressed = claimed * channels * (bits + 1) / 8 + (frames + 1) * _FLAC_OVERHEAD
        return held > 1.1 * uncompressed + HEAD / 4


@contextmanager
def _reading(source: bytes | BinaryIO) -> Iterator[tuple[BinaryIO, int, int]]:
    """A stream, where it begins, and where it ends; one that was open stays where it is."""
    if isinstance(source, bytes):
        with open(source, "rb") as file:
            yield file, 0, os.stat(source).st_size
        return
    here = source.tell()  # libsndfile may have read from it
    try:
        yield source, 0, source.seek(0, io.SEEK_END)
    finally:
        source.seek(here)


def _after_tags(stream: BinaryIO, start: int) -> tuple[int, bytes]:
    """Where ID3 tags end, and the first bytes from there."""
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
    return start, stream.read(HEAD)


def length_note(claimed: float, read: float) -> tuple[str, ...]:
    """What is said of a length that the header got wrong."""
    if abs(claimed - read) <= TOLERATED_SECONDS:
        return ()
    return (f"its header says that it lasts {claimed:.1f} s; {read:.1f} s of it were read",)


def check_not_lost(found: FramedSound, name: str) -> None:
    """Refuse a file through most of which a decoder would only search.

    Raises:
        UserError: more of it is something else than sound.
    """
    if found.lost > found.bytes:
        raise UserError(
            f"{name} is damaged, or not the sound file that it seems: {found.lost_fraction:.0%} of"
            " it is no sound; expected a whole file: check what it is"
        )
