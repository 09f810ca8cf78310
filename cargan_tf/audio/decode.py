"""Decode any sound file or waveform to one mono waveform at a given sample rate."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cargan_tf.audio.ffmpeg_decode import (
    UNKNOWN_FRAMES,
    demuxer_if_misread,
    demuxer_if_unreadable,
    demuxer_of,
    read_head,
    size_of,
    sound_begins,
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
#: Tracks of one file that are listened to, in search of one that is not silent.
_MOST_TRACKS: Final = 8
#: A channel so far below the loudest holds nothing but the noise of a cable.
SILENT_CHANNEL_DB: Final = -60.0
#: Correlation below which channels cancel in the mean: of equally loud ones -13 dB are left.
OPPOSITE: Final = -0.9
#: Floating-point samples may exceed full scale, by 24 dB; beyond they are taken for integers.
MOST_OVER_FULL_SCALE: Final = 16.0
#: Frames decoded at a time: many channels are mixed down before the next block is read.
_BLOCK_FRAMES: Final = 1 << 18
#: Of the SoX resampler; librosa's choice.
_QUALITY: Final = "HQ"
#: The magnitude that stands for 1.0 in integer PCM.
_FULL_SCALE: Final = {"uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


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


@dataclass(frozen=True, eq=False)
class DecodedSound:
    """A sound, and what was put right in it.

    Attributes:
        samples: [samples], mono, full scale at ±1.
        notes: what the listener should know, such as ``its channels were opposite in sign``.
    """

    samples: NDArray[np.float32]
    notes: tuple[str, ...] = ()


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
                    return _decoded(
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
    first = _decoded(lambda: sound_blocks(content, demuxer, name), sample_rate, name)
    if np.any(first.samples):
        return first
    for track in range(1, _MOST_TRACKS):
        blocks = partial(sound_blocks, content, demuxer, name, track)
        try:
            sound = _decoded(blocks, sample_rate, name)
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


def to_mono_at_rate(waveform: NDArray[Any], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """The samples of ``decode_waveform``; arguments and errors as there."""
    return decode_waveform(waveform, rate, sample_rate).samples


def decode_waveform(waveform: NDArray[Any], rate: int, sample_rate: int) -> DecodedSound:
    """Mix a waveform in memory down to mono and bring it to another rate.

    Args:
        waveform: [samples] or [samples, channels]; floating point with full scale at ±1, or
            integer PCM (uint8, int16, int32), which is scaled to it.
        rate: Hz of ``waveform``.
        sample_rate: Hz wanted.

    Returns:
        [samples'] at ``sample_rate``, and what was put right, as ``decode_file`` does; the samples
        themselves when both rates are equal and nothing was.

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
    samples = _to_floating_point(samples)
    mono = _mean_over_channels(samples)
    check_finite(mono, rate, "the waveform")
    notes: list[str] = []
    if channels > 1:
        statistics = _Channels()
        statistics.add(samples)
        weights, notes = statistics.weights()
        if weights is not None:
            mono = _weighted(samples, weights)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality=_QUALITY).astype(
            np.float32, copy=False
        )
    mono, scaled = _in_full_scale(_not_empty(mono, sample_rate, "the waveform"), "the waveform")
    return DecodedSound(mono, (*notes, *scaled))


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


def _decoded(
    blocks: Callable[[], Iterator[tuple[NDArray[np.float32], int]]],
    sample_rate: int,
    name: str,
    most_samples: int | None = None,
) -> DecodedSound:
    """Decode, mix and resample block by block; a second time where the mean misleads."""
    channels = _Channels()
    mono = _mixed(blocks(), sample_rate, name, most_samples, channels.add)
    weights, notes = channels.weights()
    if weights is not None:
        mono = _mixed(blocks(), sample_rate, name, most_samples, weights=weights)
    mono, scaled = _in_full_scale(_not_empty(mono, sample_rate, name), name)
    return DecodedSound(mono, (*notes, *scaled))


def _mixed(
    blocks: Iterator[tuple[NDArray[np.float32], int]],
    sample_rate: int,
    name: str,
    most_samples: int | None,
    look: Callable[[NDArray[np.float32]], None] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """[samples] at ``sample_rate``, the same as if all blocks were mixed and resampled at once.

    Args:
        blocks: [samples, channels] and their rate in Hz.
        sample_rate: Hz wanted.
        name: of the sound in messages.
        most_samples: that will come of it, if known: they are then held only once. The system gives
            memory where it is written to, so it follows what the file holds, not its header.
        look: is called with each block.
        weights: of the channels; their mean is taken without.
    """
    parts: list[NDArray[np.float32]] = []
    waveform = None if most_samples is None else np.empty(most_samples, np.float32)
    filled = frames = source_rate = 0
    resampler = None

    def keep(part: NDArray[np.float32]) -> None:
        nonlocal filled
        if waveform is None:
            parts.append(part)
        else:
            waveform[filled : filled + len(part)] = part
            filled += len(part)

    for block, rate in blocks:
        if not source_rate:
            check_format(name, rate, block.shape[1])
            source_rate = rate
            if rate != sample_rate:
                resampler = soxr.ResampleStream(
                    rate, sample_rate, 1, dtype="float32", quality=_QUALITY
                )
        elif rate != source_rate:
            raise UserError(f"{name} changes its sample rate; convert it with ffmpeg first")
        mono = _mean_over_channels(block) if weights is None else _weighted(block, weights)
        check_finite(mono, rate, name, frames)
        if look is not None:
            look(block)
        frames += len(mono)
        check_length(name, max(frames, 1), rate)
        keep(mono if resampler is None else resampler.resample_chunk(mono))
    if resampler is not None:
        keep(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    if waveform is not None:
        return waveform[:filled]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class _Channels:
    """Covariances of the channels of a sound, summed up block by block."""

    def __init__(self) -> None:
        self._count = 0
        self._shift: NDArray[Any] | None = None
        self._sums: Any = 0.0
        self._products: Any = 0.0

    def add(self, block: NDArray[Any]) -> None:
        """Take in [samples, channels]."""
        if block.shape[1] == 1 or not len(block):
            return
        if self._shift is None:  # an offset, which would drown the differences in round-off
            self._shift = block.mean(axis=0, keepdims=True)
        elif block.shape[1] != self._shift.shape[1]:
            raise UserError(
                "the sound changes its number of channels; convert it with ffmpeg first"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            moved = block - self._shift
            self._count += len(block)
            self._sums = self._sums + moved.sum(axis=0, dtype=np.float64)
            self._products = self._products + (moved.T @ moved).astype(np.float64)

    def weights(self) -> tuple[NDArray[np.float64] | None, list[str]]:
        """[channels] with which the sound is mixed, and why; ``None`` for the mean."""
        if not self._count:
            return None, []
        means = self._sums / self._count
        with np.errstate(over="ignore", invalid="ignore"):
            covariances = self._products / self._count - np.outer(means, means)
        powers = np.diag(covariances)
        loudest = int(np.argmax(powers))
        if not np.all(np.isfinite(covariances)) or powers[loudest] <= 0:
            return None, []
        heard = powers > powers[loudest] * 10 ** (SILENT_CHANNEL_DB / 10)
        signs = np.ones(len(powers))
        by_power = [channel for channel in np.argsort(-powers, kind="stable") if heard[channel]]
        for position, channel in enumerate(by_power):
            louder = by_power[:position]
            correlations = covariances[channel, louder] / np.sqrt(powers[channel] * powers[louder])
            if np.any(correlations * signs[louder] < OPPOSITE):
                signs[channel] = -1.0
        notes = []
        if not heard.all():
            notes.append(f"{np.sum(~heard)} of its {len(heard)} channels are silent and left out")
        if np.any(signs < 0):
            notes.append("its channels are opposite in sign, so that they would cancel; inverted")
        if not notes:
            return None, []
        return signs * heard / heard.sum(), notes


def _weighted(block: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """[samples, channels] -> [samples]."""
    return (block.astype(np.float64) @ weights).astype(np.float32)


def _in_full_scale(mono: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], list[str]]:
    """Floating-point samples in the range of integers, scaled to ±1, and a note of it.

    Raises:
        UserError: the samples are larger than integers of 32 bits.
    """
    peak = float(max(mono.max(), -mono.min()))
    if peak <= MOST_OVER_FULL_SCALE:
        return mono, []
    for bits in (8, 16, 24, 32):
        # A resampled square wave exceeds the full scale by a fifth.
        if peak <= 1.2 * 2.0 ** (bits - 1):
            said = f"its samples reach {peak:,.0f}, not 1: taken for {bits}-bit integers and scaled"
            return mono * np.float32(2.0 ** (1 - bits)), [said]
    raise UserError(
        f"{name} has samples of {peak:.3g}; expected full scale at 1, or at most the range of"
        " 32-bit integers: export the sound again"
    )


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
