"""What a model hears of a sound: the half second that is drawn of it, and what it is like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, cut_clip, loudest_start
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError

#: A sound file, or a stream of one's content.
Source: TypeAlias = Path | BinaryIO
#: A clip and what was measured on it.
Heard: TypeAlias = tuple[Clip, ClipQuality]

#: Windows compared in search of the loudest half second start this many seconds apart.
LOUDNESS_HOP_SECONDS = 0.01


def clip_of(mono: NDArray[np.float32], audio: AudioConfig, start: float | None) -> Clip:
    """The clip that is drawn of a sound.

    Args:
        mono: [samples] at the model's rate.
        audio: rate and length of a clip.
        start: seconds at which it begins; the loudest place by default.

    Raises:
        UserError: a start that is no number, or not within the sound.
    """
    samples, rate = audio.clip_samples, audio.sample_rate
    if start is None:
        begin = loudest_start(mono, samples, hop=round(LOUDNESS_HOP_SECONDS * rate))
    elif math.isfinite(start):
        begin = round(start * rate)
    else:
        raise UserError(f"a clip from {start} s was asked for: choose a start in seconds.")
    return cut_clip(mono, begin, samples, sample_rate=rate)


def measured(clip: Clip, audio: AudioConfig) -> Heard:
    """The clip, and whether it is silence or noise."""
    return clip, measure_quality(clip.samples, audio)


def read_ahead(
    sources: Sequence[Source], size: int, read: Callable[[Source], Heard]
) -> Iterator[tuple[slice, list[Heard | UserError]]]:
    """Sounds in batches, in order; while one batch is worked on, the next is read.

    Args:
        sources: any sound files.
        size: of a batch.
        read: reads one; its ``UserError`` stands in the place of that sound.

    Yields:
        Which of ``sources`` are in a batch, and what was heard of each.
    """

    def read_part(part: slice) -> list[Heard | UserError]:
        return [_or_error(source, read) for source in sources[part]]

    parts = [slice(first, first + size) for first in range(0, len(sources), size)]
    if not parts:
        return
    with ThreadPoolExecutor(1, "cargan-reading") as reader:
        reading = reader.submit(read_part, parts[0])
        for place, part in enumerate(parts):
            heard = reading.result()
            if place + 1 < len(parts):
                reading = reader.submit(read_part, parts[place + 1])
            yield part, heard


def _or_error(source: Source, read: Callable[[Source], Heard]) -> Heard | UserError:
    try:
        return read(source)
    except UserError as error:
        return error
