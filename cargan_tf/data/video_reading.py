"""Frames and sound out of a video file, by PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.audio.container_claims import check_claims
from cargan_tf.audio.ffmpeg_decode import (
    FloatFrames,
    SeekableStream,
    demuxer_if_unreadable,
    demuxer_of,
)
from cargan_tf.audio.mixdown import MAX_FRAMES, check_format
from cargan_tf.audio.sound_headers import read_head
from cargan_tf.data.sources.tables import MAX_SECONDS
from cargan_tf.errors import UserError, install_hint
from cargan_tf.utils.files import openable

if TYPE_CHECKING:
    from av.container import InputContainer

VIDEO_SUFFIXES: Final = frozenset({".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".flv"})

MAX_PIXELS: Final = 8_192 * 4_320
"""Of a frame: 8K. FFmpeg itself refuses larger ones, also where the size changes on the way."""

_MOST_FRAMES_A_SECOND: Final = 240
"""The slow motion of telephones; more to a second before the moment sought are a damaged clock."""

_MOST_PIXELS_SOUGHT: Final = 1 << 38
"""Decoded in search of one frame: of HD, more than an hour at 30 frames a second. A frame that
repeats the one before takes a few bytes, however large it is."""

_MICROSECONDS: Final = 1_000_000
"""PyAV counts a container's time in these."""

_MPEG_VIDEO: Final = b"\x00\x00\x01\xb3"
"""How video of MPEG-1 and -2 without a container begins."""

_EARLY_SECONDS: Final = 0.5
"""Sound is sought so much earlier: codecs need some packets before what they decode is right."""

_LATE_SECONDS: Final = 0.001
"""A frame that begins so much after the moment asked for is the frame of that moment: times are
rounded to the file's own clock."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video's header says: its length, 0 where that is not known, and its streams."""

    seconds: float
    has_image: bool
    has_sound: bool


def is_video(path: Path) -> bool:
    """Whether the file is named like a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_container(path: Path) -> bool:
    """Whether FFmpeg opens the file, by its content; a sound may be named like a video."""
    try:
        return _demuxer(openable(path)) is not None
    except OSError:
        return True  # opening it says why


def check_dependencies(path: Path) -> None:
    """Check that PyAV is there, which only data that is video needs.

    Raises:
        UserError: it is not; ``path`` is what needs it.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{path} is or holds video, which needs PyAV: {install_hint('video')}."
        ) from error


def read_facts(path: Path) -> VideoFacts:
    """What the header of the video at ``path`` says; nothing is decoded.

    Raises:
        UserError: no such file, not a video, or PyAV is not installed.
    """
    with _opened(path) as container:
        seconds = (container.duration or 0) / _MICROSECONDS
        if seconds > MAX_SECONDS:  # a header that says so would make millions of pairs
            raise UserError(
                f"{path} says that it lasts {seconds:.0f} s; at most {MAX_SECONDS} s are read:"
                " check that it is whole, or cut it into parts."
            )
        streams = container.streams
        return VideoFacts(seconds, bool(streams.video), bool(streams.audio))


def read_frame(path: Path, at_ms: int) -> Image.Image:
    """The frame on the screen ``at_ms`` milliseconds after the start, upright; the last of all if
    the video ends earlier.

    Raises:
        UserError: the video cannot be read, has no image, or too many before the moment.
    """
    with _opened(path) as container:
        if not container.streams.video:
            raise UserError(f"{path} has no image: a video is expected, not a sound file.")
        stream = container.streams.video[0]
        _check_codec(stream, path)
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        start = (container.start_time or 0) / _MICROSECONDS
        moment = start + at_ms / 1000
        container.seek(round(moment * _MICROSECONDS), backward=True)
        shown: Any = None
        count = pixels = 0
        for frame in container.decode(video=0):
            count, pixels = count + 1, pixels + frame.width * frame.height
            most = (at_ms / 1000 + 1) * _MOST_FRAMES_A_SECOND
            if count > most or pixels > _MOST_PIXELS_SOUGHT:
                raise UserError(
                    f"{path} has {count:,} frames or more before {at_ms / 1000:.3f} s; its times do"
                    " not go on, or it has no index: write it anew with ffmpeg -i OLD NEW."
                )
            late = frame.time is not None and frame.time > moment + _LATE_SECONDS
            if late and shown is not None:
                break
            shown = frame
            if late:
                break
        if shown is None:
            raise UserError(
                f"{path} shows nothing at {at_ms / 1000:.3f} s: check that it is whole."
            )
        image: Image.Image = shown.to_image()
        return image.rotate(shown.rotation, expand=True) if shown.rotation else image


def read_sound(
    path: Path, start: float, seconds: float, track: int = 0
) -> tuple[NDArray[np.float32], int]:
    """A part of a video's sound.

    Args:
        path: the video.
        start: seconds after its start.
        seconds: of the part; less comes where the sound ends earlier.
        track: which of its sounds, from 0.

    Returns:
        [samples, channels] with full scale at ±1, and their rate in Hz.

    Raises:
        UserError: the video cannot be read, has no sound, or none after ``start``.
    """
    with _opened(path) as container:
        if not container.streams.audio:
            raise UserError(
                f"{path} has no sound: leave it out, or give the sound as a file of its own."
            )
        stream = container.streams.audio[track]
        _check_codec(stream, path)
        check_format(str(path), stream.rate, stream.channels)
        begin = (container.start_time or 0) / _MICROSECONDS + start
        container.seek(max(0, round((begin - _EARLY_SECONDS) * _MICROSECONDS)), backward=True)
        parts, first, rate = _sound_from(container.decode(audio=track), path, begin, seconds)
    samples = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    passed = round((begin - first) * rate)
    # Sound that sets in after the image: silence until then.
    samples = np.pad(samples, ((max(0, -passed), 0), (0, 0)))[max(0, passed) :]
    if not samples.size:
        raise UserError(
            f"{path} has no sound at {start:.3f} s; expected a start before its end: choose another"
            " start."
        )
    return samples[: round(seconds * rate)], rate


def _sound_from(
    frames: Iterator[Any], path: Path, begin: float, seconds: float
) -> tuple[list[NDArray[np.float32]], float, int]:
    """Blocks [samples, channels] from shortly before ``begin``, their first second, and the rate.

    They end by their number, too: a file may give all of its frames the same time, or none.

    Raises:
        UserError: what comes before ``begin`` is longer than any recording, or the rate or number
            of channels changes.
    """
    floats = FloatFrames(str(path))
    parts: list[NDArray[np.float32]] = []
    first = after = 0.0
    rate, passed, taken = 1, 0, 0
    for frame in frames:
        now = after if frame.time is None else float(frame.time)
        after = now + frame.samples / max(1, frame.sample_rate)
        if now + _EARLY_SECONDS < begin:  # a file without an index is decoded from its start
            passed += frame.samples
            if passed > MAX_FRAMES:
                raise UserError(
                    f"{path} has more than {MAX_FRAMES:,} samples before {begin:.3f} s; its times"
                    " do not go on, or it has no index: write it anew with ffmpeg -i OLD NEW."
                )
            continue
        if now > begin + seconds:
            break
        first = first if parts else now
        for block, block_rate in floats.blocks(frame):
            kind = block_rate, block.shape[1]
            if parts and kind != (rate, parts[0].shape[1]):
                raise UserError(
                    f"{path} changes its sample rate or number of channels; convert it with ffmpeg"
                    " first."
                )
            rate = block_rate
            parts.append(block)
            taken += len(block)
        if taken > (seconds + 2 * _EARLY_SECONDS) * rate:
            break
    return parts, first, rate


def _check_codec(stream: Any, path: Path) -> None:
    """Check that FFmpeg knows the stream's codec: damaged headers name codecs that do not exist."""
    if stream.codec_context is None:
        raise UserError(
            f"{path}: its {stream.type} is coded in an unknown way: check that it is whole."
        )


def _demuxer(source: Path | BinaryIO) -> str | None:
    """FFmpeg's demuxer by the first bytes: it must not probe, as playlists make it open others."""
    head = read_head(os.fsencode(source) if isinstance(source, Path) else source)
    if head.startswith(_MPEG_VIDEO):
        return "mpegvideo"
    return demuxer_of(head) or demuxer_if_unreadable(head)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    check_dependencies(path)
    import av

    try:
        source = openable(path)
        demuxer = _demuxer(source)
        if demuxer is None:
            raise UserError(
                f"{path} cannot be read as a video (its content is none); expected mp4, mov, mkv,"
                " webm, avi, mpg or flv: check that it is whole."
            )
        content = os.fsencode(source) if isinstance(source, Path) else source
        check_claims(content, demuxer, str(path))
        opened = source if isinstance(source, Path) else SeekableStream(source)
        with av.open(opened, "r", format=demuxer, metadata_errors="replace") as container:
            yield container
    except FileNotFoundError as error:
        raise UserError(f"no video {path}.") from error
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path} cannot be read as a video ({reason}): check that it is whole."
        ) from error
