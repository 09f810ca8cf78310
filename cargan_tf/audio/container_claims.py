"""What containers claim in a few bytes, and FFmpeg takes memory for before it finds them short.

A file of 4 KB in MP4 can claim 100 million parts, of which FFmpeg makes an index of gigabytes, and
one of 300 bytes in Monkey's Audio a part of two billion samples, which comes in one piece.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Final

import numpy as np

from cargan_tf.audio.sound_headers import after_tags
from cargan_tf.errors import UserError

#: Parts of a file that are claimed without bytes of their own, each of some 40 bytes in FFmpeg.
#: Ten hours of AAC are 1.7 million, and have bytes.
MAX_CLAIMED: Final = 1 << 22
#: Samples in a part of Monkey's Audio; its most thorough setting has 73,728 times 16.
MAX_APE_BLOCKS: Final = 1 << 21

#: Boxes of MP4 that hold boxes.
_PARENTS: Final = frozenset(
    {
        *(b"moov", b"hoov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"),
        *(b"edts", b"dinf", b"udta", b"tref", b"wave", b"sinf", b"schi", b"clip", b"meta"),
    }
)
_DEPTH: Final = 12
#: Boxes in all: an hour in fragments of a second has 60,000.
_MOST_BOXES: Final = 2_000_000
#: Sound without packets: FFmpeg makes parts of at least so many of its samples.
_PLAIN: Final = frozenset(
    {b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"fl64"}
    | {b"alaw", b"ulaw", b"lpcm", b"ipcm", b"fpcm", b"NONE"}
)
_SAMPLES_OF_PART: Final = 160


@dataclass
class _Track:
    """What the tables of a track say; each box once, or the largest of several."""

    sound: bool = False
    plain: bool = False
    even: bool = False
    samples: int = 0
    chunks: int = 0
    of_chunk: int = 0

    def claimed(self, file_bytes: int) -> int:
        """Parts that FFmpeg makes of it."""
        if not (self.sound and self.plain and self.even):
            return self.samples
        total = self.chunks * self.of_chunk  # of at least a byte each, if they are there
        return 0 if total <= file_bytes else math.ceil(total / _SAMPLES_OF_PART)


def check_claims(source: bytes | BinaryIO, demuxer: str, name: str) -> None:
    """Refuse a file that claims far more than it holds.

    Args:
        source: a path as bytes, or a binary stream, which stays where it is.
        demuxer: FFmpeg's.
        name: of the file in messages.

    Raises:
        UserError: it does.
    """
    if demuxer not in ("mov", "ape"):
        return
    if isinstance(source, bytes):
        found = os.stat(source)
        claimed = _known_claims(source, demuxer, found.st_mtime_ns, found.st_size)
    else:
        claimed = _claims(source, demuxer)
    most = MAX_CLAIMED if demuxer == "mov" else MAX_APE_BLOCKS
    if claimed > most:
        raise UserError(
            f"{name} is damaged: its header claims {claimed:,} parts that are not there; expected"
            f" at most {most:,}: check that it is whole, or convert it with ffmpeg"
        )


@lru_cache(maxsize=256)  # thousands of clips may come from one video
def _known_claims(path: bytes, demuxer: str, _modified: int, _size: int) -> int:
    return _claims(path, demuxer)


def _claims(source: bytes | BinaryIO, demuxer: str) -> int:
    with after_tags(source) as (stream, start, end):
        return _ape_blocks(stream, start) if demuxer == "ape" else _mov_parts(stream, start, end)


def _ape_blocks(stream: BinaryIO, start: int) -> int:
    """Samples of the longest part of Monkey's Audio."""
    stream.seek(start)
    head = stream.read(1 << 16)
    if len(head) < 32:
        return 0
    (version,) = struct.unpack_from("<H", head, 4)
    if version < 3980:
        return int(struct.unpack_from("<I", head, 28)[0])
    (length,) = struct.unpack_from("<I", head, 8)
    stream.seek(start + max(52, length))
    header = stream.read(12)
    return max(struct.unpack("<4xII", header)) if len(header) == 12 else 0


def _mov_parts(stream: BinaryIO, start: int, end: int) -> int:
    """Parts that the tables of MP4 claim without bytes for each."""
    track, parts = _Track(), 0
    for kind, begin, stop in _boxes(stream, start, end):
        if kind == b"trak":
            parts += track.claimed(end)
            track = _Track()
        elif kind == b"cmov":  # of the nineties; unpacks to whatever it holds
            return 1 << 32
        elif kind == b"trun":
            parts += _of_run(_read(stream, begin, stop, 8), stop - begin)
        elif kind in (b"hdlr", b"stsd", b"stts", b"stsz", b"stco", b"co64", b"stsc"):
            _note(track, kind, _read(stream, begin, stop))
        if parts > MAX_CLAIMED:
            break
    return parts + track.claimed(end)


def _boxes(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of the content of all boxes, in order."""
    ends = [end]
    position = start
    for _ in range(_MOST_BOXES):
        while ends and position + 8 > ends[-1]:
            position = max(position, ends.pop())
        if not ends:
            return
        stream.seek(position)
        head = stream.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        begin = position + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            begin += 8
        stop = ends[-1] if size == 0 else min(position + size, ends[-1])
        if stop < begin:
            stop = begin  # damaged; what follows is looked at all the same
        yield kind, begin, stop
        if kind in _PARENTS and len(ends) < _DEPTH:
            if kind == b"meta":
                stream.seek(begin)
                begin += 0 if stream.read(8)[4:] == b"hdlr" else 4
            ends.append(stop)
            position = begin
        else:
            position = stop


def _read(stream: BinaryIO, begin: int, stop: int, most: int = 1 << 28) -> bytes:
    stream.seek(begin)
    return stream.read(min(stop - begin, most))


def _of_run(head: bytes, size: int) -> int:
    """Parts that a fragment claims beyond those it has bytes for."""
    if len(head) < 8:
        return 0
    flags, count = struct.unpack(">II", head)
    of_each = 4 * (flags & 0xF00).bit_count()
    return max(0, count - (size // of_each if of_each else 0))


def _note(track: _Track, kind: bytes, content: bytes) -> None:
    """Take in what a table says; it begins with its version and flags."""
    numbers = np.frombuffer(content[: len(content) // 4 * 4], ">u4")
    if kind == b"hdlr":
        track.sound |= content[8:12] == b"soun"
    elif kind == b"stsd":
        track.plain = content[12:16] in _PLAIN
    elif kind == b"stts":
        track.even = list(map(int, numbers[1:2])) == [1] and list(map(int, numbers[3:4])) == [1]
    elif kind == b"stsz":
        if len(numbers) > 2 and numbers[1]:
            track.samples = max(track.samples, int(numbers[2]))
    elif kind == b"stsc":
        track.of_chunk = max(track.of_chunk, int(numbers[3::3].max(initial=0)))
    else:
        entries = len(numbers) - 2 if kind == b"stco" else (len(numbers) - 2) // 2
        track.chunks = max(track.chunks, entries)
