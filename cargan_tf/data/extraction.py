"""The work on one chunk of pairs: decode, cut, log-mel, picture, quality.

It runs in worker processes, which therefore import librosa and never TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.data.clip_reading import read_clip
from cargan_tf.data.jet import read_jet
from cargan_tf.data.pairs import LeftOut, Pair
from cargan_tf.data.photo import read_photo, to_square
from cargan_tf.data.video import read_frame
from cargan_tf.errors import UserError

#: A picture scaled by its own range tells neither how loud the clip was nor its fine spectrum.
UNKNOWN_QUALITY: Final = ClipQuality(math.nan, math.nan, silent=False, noise_like=False)


@dataclass(frozen=True)
class Chunk:
    """Pairs that one worker takes on at a time, and how to read them.

    Attributes:
        pairs: in order.
        audio: of the data set.
        image_size: pixels a side.
        spectrograms: the pairs' ``audio`` files are spectrogram pictures.
        drop_silent: silent clips are left out.
    """

    pairs: tuple[Pair, ...]
    audio: AudioConfig
    image_size: int
    spectrograms: bool = False
    drop_silent: bool = False


@dataclass(frozen=True, eq=False)
class Extracted:
    """What became of a chunk; N of its pairs are kept.

    Attributes:
        pairs: the N pairs, in the order of the chunk.
        log_mels: float32 [N, n_mels, frames] in dB, or in [0, 1] where scaled by clip.
        photos: uint8 [N, size, size, 3].
        qualities: of the N clips.
        padded: ids of clips whose file ended early, filled with zeros.
        dropped: pairs left out because they are silent.
        left_out: all other pairs, those in ``dropped`` too, by split and id, and why.
    """

    pairs: tuple[Pair, ...]
    log_mels: NDArray[np.float32]
    photos: NDArray[np.uint8]
    qualities: tuple[ClipQuality, ...]
    padded: frozenset[str]
    dropped: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, eq=False)
class _Sound:
    """Samples [clip_samples], or the log-mel [n_mels, frames] where the source holds that."""

    content: NDArray[np.float32]
    quality: ClipQuality
    padded: bool


def extract(chunk: Chunk) -> Extracted:
    """Read all pairs of ``chunk``; one that cannot be read is left out with its reason."""
    # One thread each: the processes already fill the cores, and results stay the same for any
    # number of them.
    with threadpool_limits(limits=1):
        return _extract(chunk)


def _extract(chunk: Chunk) -> Extracted:
    pairs: list[Pair] = []
    sounds: list[_Sound] = []
    photos: list[NDArray[np.uint8]] = []
    dropped: list[Pair] = []
    left_out: list[LeftOut] = []
    for pair in chunk.pairs:
        try:
            sound = _read_sound(pair, chunk)
            if chunk.drop_silent and sound.quality.silent:
                dropped.append(pair)
                raise UserError(f"silent: {sound.quality.rms_db:.0f} dB of full scale")
            photo = _read_picture(pair, chunk.image_size)
        except UserError as error:
            left_out.append(LeftOut(f"{pair.split}/{pair.id}", str(error)))
            continue
        pairs.append(pair)
        sounds.append(sound)
        photos.append(photo)
    size = chunk.image_size
    return Extracted(
        pairs=tuple(pairs),
        log_mels=_log_mels(sounds, chunk),
        photos=np.stack(photos) if photos else np.zeros((0, size, size, 3), np.uint8),
        qualities=tuple(sound.quality for sound in sounds),
        padded=frozenset(p.id for p, sound in zip(pairs, sounds, strict=True) if sound.padded),
        dropped=tuple(dropped),
        left_out=tuple(left_out),
    )


def _read_sound(pair: Pair, chunk: Chunk) -> _Sound:
    if chunk.spectrograms:
        return _Sound(read_jet(pair.audio), UNKNOWN_QUALITY, padded=False)
    clip = read_clip(pair.audio, pair.offset_ms, chunk.audio)
    return _Sound(clip.samples, measure_quality(clip.samples, chunk.audio), clip.padded > 0)


def _read_picture(pair: Pair, size: int) -> NDArray[np.uint8]:
    if pair.frame_ms is None:
        return read_photo(pair.image, size, pair.strip)
    return to_square(read_frame(pair.image, pair.frame_ms), size, pair.strip)


def _log_mels(sounds: list[_Sound], chunk: Chunk) -> NDArray[np.float32]:
    if not sounds:
        return np.zeros((0, chunk.audio.n_mels, chunk.audio.frames), np.float32)
    contents = np.stack([sound.content for sound in sounds])
    return contents if chunk.spectrograms else log_mel(contents, chunk.audio)
