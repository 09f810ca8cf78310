"""Preprocess pairs in worker processes: decode, cut, log-mel, image, quality."""

from __future__ import annotations

import io
import math
import multiprocessing
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cargan_tf.audio.clips import Clip, cut_clip, to_int16
from cargan_tf.audio.decode import (
    decode_file,
    must_be_read_whole,
    open_sound,
    sounding_track,
    track_notes,
)
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.mixdown import DecodedSound, decode_waveform
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.data.images import Fit, read_photo, to_size
from cargan_tf.data.pairs import Pair, Skipped
from cargan_tf.data.reference_spectrograms import read_jet_image
from cargan_tf.data.video_reading import is_container, is_video, read_frame, read_sound
from cargan_tf.errors import UserError
from cargan_tf.utils.arrays import ImageSize, height_width
from cargan_tf.utils.subprocesses import stop_with_parent_ignoring_ctrl_c

#: Files up to this many seconds are read whole: most clips have a file of their own.
WHOLE_FILE_SECONDS = 10.0

#: Whole seconds read before and after a clip of a long file. Resampling sees its true
#: surroundings, and a start on a full second is a full sample at every rate.
_MARGIN_SECONDS = 1


#: An image scaled by its own range shows neither the clip's loudness nor its fine spectrum.
UNKNOWN_QUALITY: Final = ClipQuality(math.nan, math.nan, silent=False, noise_like=False)
_SUFFIX = ".arrays"
#: Chunks under way for each worker: one at work, one waiting. More would only fill memory.
_AHEAD = 2


def read_clip(path: Path, offset_ms: int, audio: AudioConfig) -> Clip:
    """The clip that begins ``offset_ms`` into the file: samples [clip_samples], mono.

    Of a long file only the part around the clip is decoded, as thousands of clips may come from it.

    Args:
        path: a sound file, or a video with sound.
        offset_ms: where in it the clip begins.
        audio: rate and length of the clip.

    Raises:
        UserError: the file cannot be read, has no sound, or ends before the clip begins.
    """
    if is_video(path) and is_container(path):
        return _read_from_video(path, offset_ms, audio)
    first_second = _first_second(path, offset_ms)
    source = _part(path, first_second, audio.clip_seconds) if first_second else None
    sound = decode_file(path if source is None else source, audio.sample_rate)
    return _cut(sound, offset_ms - 1000 * first_second, audio)


def _read_from_video(path: Path, offset_ms: int, audio: AudioConfig) -> Clip:
    first_second = _with_margin(offset_ms)
    start_ms = offset_ms - 1000 * first_second
    needed = start_ms / 1000 + audio.clip_seconds + _MARGIN_SECONDS
    track = sounding_track(path)
    part = read_sound(path, first_second, needed, track)
    sound = decode_waveform(*part, audio.sample_rate)
    return _cut(replace(sound, notes=(*track_notes(track), *sound.notes)), start_ms, audio)


def _cut(sound: DecodedSound, start_ms: int, audio: AudioConfig) -> Clip:
    start = round(start_ms * audio.sample_rate / 1000)
    clip = cut_clip(sound.samples, start, audio.clip_samples, audio.sample_rate)
    return replace(clip, notes=sound.notes)


def _with_margin(offset_ms: int) -> int:
    """The full second from which a long file is read."""
    return max(0, offset_ms // 1000 - _MARGIN_SECONDS)


def _first_second(path: Path, offset_ms: int) -> int:
    """Where to begin to read: 0 for short files and for those that end before the clip."""
    first_second = _with_margin(offset_ms)
    if not first_second or must_be_read_whole(path):
        return 0
    with open_sound(path) as file:
        seconds = file.frames / file.samplerate
    return 0 if offset_ms / 1000 >= seconds or seconds <= WHOLE_FILE_SECONDS else first_second


def _part(path: Path, first_second: int, clip_seconds: float) -> io.BytesIO:
    """The clip and its margins as a sound file in memory, at the file's own rate."""
    with open_sound(path) as file:
        rate = file.samplerate
        file.seek(first_second * rate)
        # The clip starts up to a second after the margin, as first_second is rounded down.
        frames = int((clip_seconds + 2 * _MARGIN_SECONDS + 1) * rate)
        samples = file.read(frames, dtype="float32", always_2d=True)
    part = io.BytesIO()
    soundfile.write(part, samples, rate, format="WAV", subtype="FLOAT")
    part.seek(0)
    return part


@dataclass(frozen=True)
class Chunk:
    """Pairs that one worker takes on at a time, and how to read them.

    Attributes:
        pairs: in order.
        audio: of the data set.
        image_size: of the photos in pixels.
        image_fit: how photos of another shape are brought to it.
        spectrograms: the pairs' ``audio`` files are spectrogram images.
        drop_silent: omit silent clips.
    """

    pairs: tuple[Pair, ...]
    audio: AudioConfig
    image_size: ImageSize
    image_fit: Fit = "squeeze"
    spectrograms: bool = False
    drop_silent: bool = False


@dataclass(frozen=True, eq=False)
class ExtractedPairs:
    """What became of a chunk; N of its pairs are kept.

    Attributes:
        pairs: the N pairs, in the order of the chunk.
        log_mels: float32 [N, n_mels, frames] in dB, or in [0, 1] where scaled by clip.
        waveforms: int16 [N, clip_samples]; [N, 0] where the source has spectrograms only.
        photos: uint8 [N, H, W, 3].
        qualities: of the N clips.
        padded: ids of clips whose file ended early, filled with zeros.
        dropped: pairs omitted as silent.
        skipped: all other pairs, those in ``dropped`` too, by split and id, and why.
        mended: pairs whose sound was put right, by split and id, and how.
    """

    pairs: tuple[Pair, ...]
    log_mels: NDArray[np.float32]
    waveforms: NDArray[np.int16]
    photos: NDArray[np.uint8]
    qualities: tuple[ClipQuality, ...]
    padded: frozenset[str]
    dropped: tuple[Pair, ...]
    skipped: tuple[Skipped, ...]
    mended: tuple[Skipped, ...] = ()


@dataclass(frozen=True, eq=False)
class _Sound:
    """Samples [clip_samples], or the log-mel [n_mels, frames] where the source holds that."""

    content: NDArray[np.float32]
    quality: ClipQuality
    padded: bool
    notes: tuple[str, ...] = ()


def extract(chunk: Chunk) -> ExtractedPairs:
    """Read all pairs of ``chunk``; one that cannot be read is skipped with its reason."""
    # One thread each: the processes already fill the cores, and results stay the same for any
    # number of them.
    with threadpool_limits(limits=1):
        return _extract(chunk)


def _extract(chunk: Chunk) -> ExtractedPairs:
    pairs: list[Pair] = []
    sounds: list[_Sound] = []
    photos: list[NDArray[np.uint8]] = []
    dropped: list[Pair] = []
    skipped: list[Skipped] = []
    for pair in chunk.pairs:
        try:
            sound = _read_sound(pair, chunk)
            if chunk.drop_silent and sound.quality.silent:
                dropped.append(pair)
                raise UserError(f"silent: {sound.quality.rms_db:.0f} dB of full scale")
            photo = _read_image(pair, chunk)
        except UserError as error:
            skipped.append(Skipped(f"{pair.split}/{pair.id}", str(error)))
            continue
        pairs.append(pair)
        sounds.append(sound)
        photos.append(photo)
    shape = height_width(chunk.image_size)
    return ExtractedPairs(
        pairs=tuple(pairs),
        log_mels=_log_mels(sounds, chunk),
        waveforms=_waveforms(sounds, chunk),
        photos=np.stack(photos) if photos else np.zeros((0, *shape, 3), np.uint8),
        qualities=tuple(sound.quality for sound in sounds),
        padded=frozenset(p.id for p, sound in zip(pairs, sounds, strict=True) if sound.padded),
        dropped=tuple(dropped),
        skipped=tuple(skipped),
        mended=tuple(
            Skipped(f"{pair.split}/{pair.id}", "; ".join(sound.notes))
            for pair, sound in zip(pairs, sounds, strict=True)
            if sound.notes
        ),
    )


def _read_sound(pair: Pair, chunk: Chunk) -> _Sound:
    if chunk.spectrograms:
        return _Sound(read_jet_image(pair.audio), UNKNOWN_QUALITY, padded=False)
    clip = read_clip(pair.audio, pair.offset_ms, chunk.audio)
    return _Sound(
        clip.samples, measure_quality(clip.samples, chunk.audio), clip.padded > 0, clip.notes
    )


def _read_image(pair: Pair, chunk: Chunk) -> NDArray[np.uint8]:
    size, fit = chunk.image_size, chunk.image_fit
    if pair.frame_ms is None:
        return read_photo(pair.image, size, pair.strip, fit)
    return to_size(read_frame(pair.image, pair.frame_ms), size, pair.strip, fit)


def _log_mels(sounds: list[_Sound], chunk: Chunk) -> NDArray[np.float32]:
    if not sounds:
        return np.zeros((0, chunk.audio.n_mels, chunk.audio.frames), np.float32)
    contents = np.stack([sound.content for sound in sounds])
    return contents if chunk.spectrograms else log_mel(contents, chunk.audio)


def _waveforms(sounds: list[_Sound], chunk: Chunk) -> NDArray[np.int16]:
    if chunk.spectrograms or not sounds:
        samples = 0 if chunk.spectrograms else chunk.audio.clip_samples
        return np.zeros((len(sounds), samples), np.int16)
    return to_int16(np.stack([sound.content for sound in sounds]))


@dataclass(frozen=True, eq=False)
class StoredArrays:
    """An ``ExtractedPairs`` whose arrays lie in a file.

    Attributes:
        rest: all but the arrays; these are empty.
        file: holds the photos, the log-mels and the waveforms, one after the other.
        photos: their shape.
        log_mels: their shape.
        waveforms: their shape.
    """

    rest: ExtractedPairs
    file: str
    photos: tuple[int, ...]
    log_mels: tuple[int, ...]
    waveforms: tuple[int, ...]


def store_arrays(extracted: ExtractedPairs, folder: str, name: str) -> StoredArrays:
    """Put the arrays into a file of ``folder`` whose name begins with ``name``."""
    handle, file = tempfile.mkstemp(dir=folder, prefix=name, suffix=_SUFFIX)
    try:
        with os.fdopen(handle, "wb") as stream:
            for array in (extracted.photos, extracted.log_mels, extracted.waveforms):
                np.ascontiguousarray(array).tofile(stream)
    except BaseException:
        os.unlink(file)
        raise
    rest = replace(
        extracted,
        photos=extracted.photos[:0].copy(),  # a view would take the whole array along
        log_mels=extracted.log_mels[:0].copy(),
        waveforms=extracted.waveforms[:0].copy(),
    )
    shapes = (extracted.photos.shape, extracted.log_mels.shape, extracted.waveforms.shape)
    return StoredArrays(rest, file, *shapes)


def load_arrays(stored: StoredArrays) -> ExtractedPairs:
    """Take the arrays out again; the file is gone then."""
    rest = stored.rest
    with open(stored.file, "rb") as stream:
        photos = np.fromfile(stream, rest.photos.dtype, math.prod(stored.photos))
        log_mels = np.fromfile(stream, rest.log_mels.dtype, math.prod(stored.log_mels))
        waveforms = np.fromfile(stream, np.int16, math.prod(stored.waveforms))
    os.unlink(stored.file)
    return replace(
        rest,
        photos=photos.reshape(stored.photos),
        log_mels=log_mels.reshape(stored.log_mels),
        waveforms=waveforms.reshape(stored.waveforms),
    )


def remove_stored_arrays(folder: str, name: str) -> None:
    """Remove what nobody has fetched."""
    for left in Path(folder).glob(f"{name}*{_SUFFIX}"):
        left.unlink(missing_ok=True)


@contextmanager
def extracting(
    chunks: Iterable[Chunk], workers: int, folder: Path | None = None
) -> Iterator[Iterator[ExtractedPairs]]:
    """Start ``workers`` processes on ``chunks`` and hand over the results, in order.

    The processes are at work from the start, so that the caller can get ready meanwhile. One
    worker means no further process at all.

    Args:
        chunks: any number.
        workers: processes.
        folder: on this machine, by way of which results come, in hidden files that are removed;
            by default where the system has its temporary files.

    Raises:
        UserError: a process died, or none can be started from here.
    """
    if workers == 1:
        yield map(extract, chunks)
        return
    # "spawn": a fork of a process that runs TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    target = str(folder or gettempdir()), f".{token_hex(4)}."

    def submit(chunk: Chunk) -> Future[StoredArrays]:
        return pool.submit(_extract_and_store, chunk, *target)

    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=stop_with_parent_ignoring_ctrl_c
    ) as pool:
        try:
            yield _in_order(submit, iter(chunks), _AHEAD * workers)
        except BrokenProcessPool as error:
            raise UserError(
                "a process that prepares the data ended before its time, perhaps for lack of"
                " memory: run the same command again, with fewer workers; finished shards are"
                " kept. (In a script of your own, call preprocess() under"
                " `if __name__ == '__main__':`.)"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            remove_stored_arrays(*target)


def _extract_and_store(chunk: Chunk, folder: str, name: str) -> StoredArrays:
    return store_arrays(extract(chunk), folder, name)


def _in_order(
    submit: Callable[[Chunk], Future[StoredArrays]], chunks: Iterator[Chunk], ahead: int
) -> Iterator[ExtractedPairs]:
    under_way = deque(submit(chunk) for chunk in islice(chunks, ahead))
    return _results(submit, chunks, under_way)


def _results(
    submit: Callable[[Chunk], Future[StoredArrays]],
    chunks: Iterator[Chunk],
    under_way: deque[Future[StoredArrays]],
) -> Iterator[ExtractedPairs]:
    while under_way:
        result = load_arrays(under_way.popleft().result())
        for chunk in islice(chunks, 1):
            under_way.append(submit(chunk))
        yield result
