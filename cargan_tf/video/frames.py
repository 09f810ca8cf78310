"""A window that slides over a recording, and one picture for each of its places."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.mixing import root_mean_square
from cargan_tf.drawn import Drawn, Picture, Recognition
from cargan_tf.inference import BATCH, Generator, Label

Waveform = NDArray[np.float32]

#: Places of a recording that are listened to, at most, to recognise the instrument.
LISTENED_TO = 64


def sliding_starts(samples: int, clip_samples: int, rate: int, frames_per_second: int) -> list[int]:
    """Where the clip of each frame begins.

    It begins at the frame's own time, as in Sub-URMP, where a picture is the first frame of its
    half second; frames of the last half second share its clip. The frames last as long as the
    sound: the last of them may end after it, by less than its own length.

    Args:
        samples: length of the recording, as of all here.
        clip_samples: length of a clip.
        rate: samples a second.
        frames_per_second: frames a second.
    """
    # Less a millionth of a frame: rounding must not make one more.
    frames = max(1, math.ceil(samples * frames_per_second / rate - 1e-6))
    last = max(0, samples - clip_samples)
    return [min(round(index * rate / frames_per_second), last) for index in range(frames)]


def draw_frames(
    generator: Generator, waveform: Waveform, starts: Sequence[int], label: Label
) -> Iterator[Drawn]:
    """Draw the clips of a recording that begin at ``starts``, a batch at a time.

    Args:
        generator: draws.
        waveform: [samples] at the generator's rate.
        starts: in samples.
        label: of all frames.
    """
    for first in range(0, len(starts), BATCH):
        clips = [
            cut_clip(waveform, start, generator.clip_samples)
            for start in starts[first : first + BATCH]
        ]
        yield from generator.draw(clips, [label] * len(clips))


def recognise_recording(generator: Generator, waveform: Waveform) -> Recognition:
    """Which instrument is heard in a whole recording, the louder places counting more.

    The probabilities of clips all over the recording, weighted by their root mean square.

    Raises:
        UserError: the model cannot tell.
    """
    samples = generator.clip_samples
    last = max(0, len(waveform) - samples)
    count = min(LISTENED_TO, 1 + 2 * last // samples)
    starts = np.linspace(0, last, count).round().astype(int)
    clips = [cut_clip(waveform, int(start), samples) for start in np.unique(starts)]
    heard = generator.recognise(clips)
    loudness = np.array([root_mean_square(clip.samples) for clip in clips])
    shares = loudness / loudness.sum() if loudness.any() else np.full(len(clips), 1 / len(clips))
    rows = np.array([[one.probabilities[label] for label in generator.labels] for one in heard])
    return Recognition(dict(zip(generator.labels, (shares @ rows).tolist(), strict=True)))


def smoothed(frames: Iterable[Picture], radius: int) -> Iterator[Picture]:
    """Each frame as the mean of those around it: no frame comes later for it.

    Args:
        frames: [H, W, 3] each.
        radius: so many before and after count, by a Hann window; 0 changes nothing.
    """
    weights = np.hanning(2 * radius + 3)[1:-1]
    # The frame in the middle is the one that is due; None stands beyond both ends.
    around: deque[Picture | None] = deque([None] * (2 * radius + 1), maxlen=2 * radius + 1)
    for frame in chain(frames, repeat(None, radius)):
        around.append(frame)
        if around[radius] is not None:
            there = [(w, near) for w, near in zip(weights, around, strict=True) if near is not None]
            mean = sum(w * near.astype(np.float64) for w, near in there) / sum(w for w, _ in there)
            yield np.rint(mean).astype(np.uint8)
