"""The work on one chunk of pairs: decode, cut, log-mel, picture, quality.

It runs in worker processes, which therefore import librosa and never TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cargan_tf.audio.clips import Clip
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config.schema import AudioConfig
from cargan_tf.data.clip_reading import read_clip
from cargan_tf.data.pairs import LeftOut, Pair
from cargan_tf.data.photo import read_photo
from cargan_tf.errors import UserError


@dataclass(frozen=True)
class Chunk:
    """Pairs that one worker takes on at a time, and how to read them."""

    pairs: tuple[Pair, ...]
    audio: AudioConfig
    image_size: int


@dataclass(frozen=True, eq=False)
class Extracted:
    """What became of a chunk; N of its pairs could be read.

    Attributes:
        pairs: the N pairs, in the order of the chunk.
        log_mels: float32 [N, n_mels, frames] in dB.
        photos: uint8 [N, size, size, 3].
        qualities: of the N clips.
        padded: ids of clips whose file ended early, filled with zeros.
        left_out: the other pairs, by split and id, and why.
    """

    pairs: tuple[Pair, ...]
    log_mels: NDArray[np.float32]
    photos: NDArray[np.uint8]
    qualities: tuple[ClipQuality, ...]
    padded: frozenset[str]
    left_out: tuple[LeftOut, ...]


def extract(chunk: Chunk) -> Extracted:
    """Read all pairs of ``chunk``; one that cannot be read is left out with its reason."""
    # One thread each: the processes already fill the cores, and results stay the same for any
    # number of them.
    with threadpool_limits(limits=1):
        return _extract(chunk)


def _extract(chunk: Chunk) -> Extracted:
    pairs: list[Pair] = []
    clips: list[Clip] = []
    photos: list[NDArray[np.uint8]] = []
    left_out: list[LeftOut] = []
    for pair in chunk.pairs:
        try:
            clip = read_clip(pair.audio, pair.offset_ms, chunk.audio)
            photo = read_photo(pair.image, chunk.image_size)
        except UserError as error:
            left_out.append(LeftOut(f"{pair.split}/{pair.id}", str(error)))
            continue
        pairs.append(pair)
        clips.append(clip)
        photos.append(photo)
    size = chunk.image_size
    return Extracted(
        pairs=tuple(pairs),
        log_mels=_log_mels(clips, chunk.audio),
        photos=np.stack(photos) if photos else np.zeros((0, size, size, 3), np.uint8),
        qualities=tuple(measure_quality(clip.samples, chunk.audio) for clip in clips),
        padded=frozenset(p.id for p, clip in zip(pairs, clips, strict=True) if clip.padded),
        left_out=tuple(left_out),
    )


def _log_mels(clips: list[Clip], audio: AudioConfig) -> NDArray[np.float32]:
    if not clips:
        return np.zeros((0, audio.n_mels, audio.frames), np.float32)
    return log_mel(np.stack([clip.samples for clip in clips]), audio)
