"""Decode any sound file or waveform to one mono waveform at a given sample rate."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cargan_tf.audio.ffmpeg_decode import (
    UNKNOWN_FRAMES,
    demuxer_if_misread,
    demuxer_of,
    read_head,
    size_of,
    sound_blocks,
)
from cargan_tf.errors import UserError
from cargan_tf.utils.remote import RemotePath

#: Endings of sound files in folders that are searched.
AUDIO_SUFFIXES: Final = frozenset(
    {
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au"),
        *(".caf", ".w64", ".m4a", ".aac", ".wma", ".amr", ".mka", ".weba", ".wv", ".ape"),
        *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".3gp", ".flv", ".mpg", ".ts"),
    }
)

MAX_SECONDS: Final = 3_600
"""An hour: longer than a concert's movement; 635 MB once it is mono at 44.1 kHz."""

MAX_FRAMES: Final = MAX_SECONDS * 96_000
"""Samples per channel: an hour at studio rate, so that a small, well-compressed file at an extreme
rate cannot take all time."""

MAX_CHANNELS: Final = 64
"""More than any microphone array on sale; waveforms given as [channels, samples] exceed it."""

MIN_RATE: Final = 1_000
"""Hz; below it nothing of an instrument but its lowest notes is left."""

MAX_RATE: Final = 768_000
"""Hz; the highest rate of studio converters."""


#: Content of a pipe, which is held in memory: 49 minutes of a CD, 512 MB.
MAX_STREAM_BYTES: Final = 1 << 29
#: Frames decoded at a time: many channels are mixed down before the next block is read.
_BLOCK_FRAMES: Final = 1 << 18
#: Of the SoX resampler; librosa's choice.
_QUALITY: Final = "HQ"
#: The magnitude that stands for 1.0 in integer PCM.
_FULL_SCALE: Final = {"uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


def sound_files(folder: Path) -> list[Path]:
    """The sound files in a folder and those below it, by their endings, sorted.

    Hidden files are none, whatever their ending: macOS leaves ``._a.wav`` beside ``a.wav``.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
    )


def check_format(name: str, rate: int, channels: int) -> None:
    """Refuse a rate or a number of channels out of bounds, before anything is allocated.

    Raises:
        UserError: ``name`` has such a one.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise UserError(
            f"{name} has {channels} channels; expected 1 to {MAX_CHANNELS}: mix it down first"
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(
            f"{name} has a rate of {rate} Hz; expected {MIN_RATE} to {MAX_RATE} Hz:"
            " check the rate or resample it first"
        )


def check_length(name: str, frames: int, rate: int) -> None:
    """Refuse a length that a header (or a caller) announces.

    Raises:
        UserError: it is unknown, none or too long.
    """
    if frames == UNKNOWN_FRAMES:
        raise UserError(
            f"{name} does not say how long it is (it was written to a pipe); expected a length in"
            " its header: write it again with ffmpeg -i OLD NEW"
        )
    if frames <= 0:
        raise UserError(f"{name} holds no samples; expected a recording: check that it is whole")
    longest = min(MAX_SECONDS * rate, MAX_FRAMES)
    if frames > longest:
        raise UserError(
            f"{name} lasts {frames / rate:.1f} s; expected at most {longest / rate:.0f} s"
            f" at {rate} Hz: cut it into parts first"
        )


def check_finite(mono: NDArray[np.float32], rate: int, name: str, before: int = 0) -> None:
    """Refuse NaN and infinity; ``before`` samples came earlier.

    Raises:
        UserError: one of ``mono``'s samples is such a one; it says at which second.
    """
    finite = np.isfinite(mono)
    if not finite.all():
        first = before + int(np.argmin(finite))
        raise UserError(
            f"{name} holds a NaN or infinite sample at {first / rate:.3f} s; expected finite"
            " samples: export the sound again"
        )


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
    name, content = _name_of(source), sound_opener(source)
    head = read_head(content)
    demuxer = demuxer_of(head)
    if demuxer is None:
        with _opened(content, name) as file:
            demuxer = _misread(file, head, content, name)
            if demuxer is None:
                check_length(name, file.frames, int(file.samplerate))
                return _not_empty(_read_at_rate(file, sample_rate, name), sample_rate, name)
    return _not_empty(_read_by_ffmpeg(content, demuxer, sample_rate, name), sample_rate, name)


def must_be_read_whole(path: Path) -> bool:
    """Whether libsndfile cannot read a file, or not rightly, so that it cannot seek in it.

    Raises:
        UserError: as ``read_audio``.
    """
    content = sound_opener(path)
    head = read_head(content)
    if demuxer_of(head) is not None:
        return True
    with _opened(content, str(path)) as file:
        return _misread(file, head, content, str(path)) is not None


def _misread(
    file: soundfile.SoundFile, head: bytes, content: bytes | BinaryIO, name: str
) -> str | None:
    size = size_of(content)
    return demuxer_if_misread(file.format, file.frames, int(file.samplerate), head, size, name)


def _read_by_ffmpeg(
    content: bytes | BinaryIO, demuxer: str, sample_rate: int, name: str
) -> NDArray[np.float32]:
    """Decode, mix and resample block by block, within the bounds."""
    parts: list[NDArray[np.float32]] = []
    resampler = None
    frames = source_rate = 0
    for block, rate in sound_blocks(content, demuxer, name):
        if not frames:
            check_format(name, rate, block.shape[1])
            source_rate = rate
            if rate != sample_rate:
                resampler = soxr.ResampleStream(
                    rate, sample_rate, 1, dtype="float32", quality=_QUALITY
                )
        elif rate != source_rate:
            raise UserError(f"{name} changes its sample rate; convert it with ffmpeg first")
        mono = _mean_over_channels(block)
        check_finite(mono, rate, name, frames)
        frames += len(mono)
        check_length(name, frames, rate)
        parts.append(mono if resampler is None else resampler.resample_chunk(mono))
    if resampler is not None:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


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
            check_format(name, int(file.samplerate), file.channels)
            yield file
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        # TypeError: a name that ends in .raw makes soundfile ask for a rate it was not given.
        raise UserError(
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


def to_mono_at_rate(waveform: NDArray[Any], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Mix a waveform in memory down to mono and bring it to another rate.

    Args:
        waveform: [samples] or [samples, channels]; floating point with full scale at ±1, or
            integer PCM (uint8, int16, int32), which is scaled to it.
        rate: Hz of ``waveform``.
        sample_rate: Hz wanted.

    Returns:
        [samples'] at ``sample_rate``; the samples themselves when both rates are equal.

    Raises:
        UserError: another shape or type, no samples, NaN or infinite samples, or a length, rate
            or number of channels out of bounds.
    """
    samples = np.asarray(waveform)
    if samples.ndim not in (1, 2):
        raise UserError(
            f"a waveform of shape {samples.shape} was received; expected [samples] or"
            " [samples, channels]: pass one recording at a time"
        )
    channels = samples.shape[1] if samples.ndim == 2 else 1
    if channels > MAX_CHANNELS:
        raise UserError(
            f"a waveform of shape {samples.shape} was received; expected [samples, channels] with"
            f" at most {MAX_CHANNELS} channels: transpose it if its channels come first"
        )
    check_format("the waveform", rate, channels)
    check_length("the waveform", samples.shape[0], rate)
    mono = _mean_over_channels(_to_floating_point(samples))
    check_finite(mono, rate, "the waveform")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality=_QUALITY).astype(
            np.float32, copy=False
        )
    return _not_empty(mono, sample_rate, "the waveform")


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


def _read_at_rate(file: soundfile.SoundFile, sample_rate: int, name: str) -> NDArray[np.float32]:
    """Decode, mix and resample block by block; the same samples as if it were done at once."""
    rate = int(file.samplerate)
    resampler = None
    if rate != sample_rate:
        resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality=_QUALITY)
    # The system gives memory where it is written to, so it follows what the file holds, not what
    # its header claims.
    waveform = np.empty(math.ceil(file.frames * sample_rate / rate) + 1, np.float32)
    decoded = filled = 0
    while decoded < file.frames:
        block = file.read(
            min(file.frames - decoded, _BLOCK_FRAMES), dtype="float32", always_2d=True
        )
        last = decoded + len(block) >= file.frames or not len(block)
        mono = _mean_over_channels(block)
        check_finite(mono, rate, name, decoded)
        part = mono if resampler is None else resampler.resample_chunk(mono, last=last)
        waveform[filled : filled + len(part)] = part
        decoded += len(block)
        filled += len(part)
        if last:
            break
    return waveform[:filled]


def _mean_over_channels(samples: NDArray[Any]) -> NDArray[np.float32]:
    """[samples] or [samples, channels] -> [samples]."""
    if samples.ndim == 2:
        # In float64, so that the mean of equal channels is exactly that channel. Two are added by
        # hand: NumPy's mean of so short an axis takes six times as long.
        if samples.shape[1] == 1:
            samples = samples[:, 0]
        elif samples.shape[1] == 2:
            samples = 0.5 * np.add(samples[:, 0], samples[:, 1], dtype=np.float64)
        else:
            samples = samples.mean(1, dtype=np.float64)
    with np.errstate(over="ignore"):  # becomes infinite, which is refused by name
        return samples.astype(np.float32)


def _to_floating_point(samples: NDArray[Any]) -> NDArray[Any]:
    """Integer PCM scaled to ±1; floating point as it is."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples
    full_scale = _FULL_SCALE.get(samples.dtype.name)
    if full_scale is None:
        raise UserError(
            f"a waveform of type {samples.dtype} was received; expected floating point with full"
            f" scale at 1.0, or {', '.join(_FULL_SCALE)}: convert it first"
        )
    zero = full_scale if samples.dtype.name == "uint8" else 0.0  # 8-bit PCM is centered on 128
    return (samples.astype(np.float64) - zero) / full_scale


def _not_empty(waveform: NDArray[np.float32], sample_rate: int, name: str) -> NDArray[np.float32]:
    if not waveform.size:
        raise UserError(
            f"{name} holds no samples at {sample_rate} Hz; expected a recording:"
            " check that it is whole"
        )
    return waveform
