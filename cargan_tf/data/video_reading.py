"""Frames and sound out of a video file, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.audio.ffmpeg_decode import SeekableStream
from cargan_tf.audio.mixdown import check_format
from cargan_tf.data.sources.tables import MAX_SECONDS
from cargan_tf.errors import UserError, install_hint
from cargan_tf.utils.files import openable

if TYPE_CHECKING:
    from av.container import InputContainer

VIDEO_SUFFIXES: Final = frozenset({".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".flv"})

MAX_PIXELS: Final = 8_192 * 4_320
"""Of a frame: 8K. FFmpeg itself refuses larger ones, also where the size changes on the way."""

_MICROSECONDS: Final = 1_000_000
"""PyAV counts a container's time in these."""

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


def check_dependencies(path: Path) -> None:
    """That PyAV is there, which only data that is video needs.

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
        UserError: the video cannot be read or has no image.
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
        for frame in container.decode(video=0):
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


def read_sound(path: Path, start: float, seconds: float) -> tuple[NDArray[np.float32], int]:
    """A part of a video's sound.

    Args:
        path: the video.
        start: seconds after its start.
        seconds: of the part; less comes where the sound ends earlier.

    Returns:
        [samples, channels] with full scale at ±1, and their rate in Hz.

    Raises:
        UserError: the video cannot be read, has no sound, or none after ``start``.
    """
    import av

    with _opened(path) as container:
        if not container.streams.audio:
            raise UserError(
                f"{path} has no sound: leave it out, or give the sound as a file of its own."
            )
        stream = container.streams.audio[0]
        _check_codec(stream, path)
        rate = stream.rate
        check_format(str(path), rate, stream.channels)
        begin = (container.start_time or 0) / _MICROSECONDS + start
        container.seek(max(0, round((begin - _EARLY_SECONDS) * _MICROSECONDS)), backward=True)
        resampler = av.AudioResampler(format="fltp")  # to float; rate and channels stay
        parts: list[NDArray[np.float32]] = []
        first: float | None = None
        for decoded in container.decode(audio=0):
            if decoded.time is not None and decoded.time + _EARLY_SECONDS < begin:
                continue  # a file without an index is decoded from its start
            for frame in resampler.resample(decoded):
                first = frame.time if first is None else first
                parts.append(frame.to_ndarray().astype(np.float32, copy=False))
            if decoded.time is not None and decoded.time > begin + seconds:
                break
    samples = np.concatenate(parts, axis=1).T if parts else np.zeros((0, 1), np.float32)
    passed = round((begin - (first or 0.0)) * rate)
    # Sound that sets in after the image: silence until then.
    samples = np.pad(samples, ((max(0, -passed), 0), (0, 0)))[max(0, passed) :]
    if not samples.size:
        raise UserError(
            f"{path} has no sound at {start:.3f} s; expected a start before its end: choose another"
            " start."
        )
    return samples[: round(seconds * rate)], rate


def _check_codec(stream: Any, path: Path) -> None:
    """That FFmpeg knows how the stream is coded: damaged headers name codecs there are not."""
    if stream.codec_context is None:
        raise UserError(
            f"{path}: its {stream.type} is coded in an unknown way: check that it is whole."
        )


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    check_dependencies(path)
    import av

    try:
        source: Any = openable(path)
        if not isinstance(source, Path):
            source = SeekableStream(source)
        with av.open(source, "r", metadata_errors="replace") as container:
            yield container
    except FileNotFoundError as error:
        raise UserError(f"no video {path}.") from error
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path} cannot be read as a video ({reason}): check that it is whole."
        ) from error
