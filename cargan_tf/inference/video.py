"""A video of the player from a whole recording: one image per frame."""

from __future__ import annotations

import io
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.decode import read_audio
from cargan_tf.errors import counted
from cargan_tf.inference.generator import BATCH_SIZE, Generator, Label, Source
from cargan_tf.inference.result import (
    GenerationResult,
    Recognition,
)
from cargan_tf.inference.video_writer import check_video_name, write_video
from cargan_tf.labels import label_weights, weights_by_label
from cargan_tf.utils.arrays import FloatArray, ImageArray
from cargan_tf.utils.progress import Reporter, SilentReporter

FRAMES_PER_SECOND = 10


def sliding_starts(samples: int, clip_samples: int, rate: int, frames_per_second: int) -> list[int]:
    """Where the clip of each frame begins.

    It begins at the frame's own time, as in Sub-URMP, where an image is the first frame of its
    half second; frames of the last half second use the last clip. The frames last as long as the
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


def generate_frames(
    generator: Generator, waveform: FloatArray, starts: Sequence[int], label: Label
) -> Iterator[GenerationResult]:
    """Generate from the clips of a recording that begin at ``starts``, a batch at a time.

    Args:
        generator: the model.
        waveform: [samples] at the generator's rate.
        starts: in samples.
        label: of all frames.
    """
    for first in range(0, len(starts), BATCH_SIZE):
        clips = [
            cut_clip(waveform, start, generator.clip_samples)
            for start in starts[first : first + BATCH_SIZE]
        ]
        yield from generator.generate_clips(clips, [label] * len(clips))


def smoothed(frames: Iterable[ImageArray], radius: int) -> Iterator[ImageArray]:
    """Each frame as the mean of those around it: no frame comes later for it.

    Args:
        frames: [H, W, 3] each.
        radius: so many before and after count, by a Hann window; 0 changes nothing.
    """
    weights = np.hanning(2 * radius + 3)[1:-1]
    # The frame in the middle is the one that is due; None stands beyond both ends.
    around: deque[ImageArray | None] = deque([None] * (2 * radius + 1), maxlen=2 * radius + 1)
    for frame in chain(frames, repeat(None, radius)):
        around.append(frame)
        if around[radius] is not None:
            there = [(w, near) for w, near in zip(weights, around, strict=True) if near is not None]
            mean = sum(w * near.astype(np.float64) for w, near in there) / sum(w for w, _ in there)
            yield np.rint(mean).astype(np.uint8)


@dataclass(frozen=True)
class VideoResult:
    """The result of a recording.

    Attributes:
        label_weights: the weight of each label, where it is not 0.
        recognition: of the sound classifier; ``None`` if the label was given.
        frames: their number.
        seconds: they last so long together.
        silent: frames whose clip is silent.
        noise_like: frames whose clip is more like noise than notes.
    """

    label_weights: Mapping[str, float]
    recognition: Recognition | None
    frames: int
    seconds: float
    silent: int
    noise_like: int

    @property
    def confidence(self) -> float | None:
        """Probability of the recognized label; ``None`` if it was given, or for silence."""
        return None if self.recognition is None else self.recognition.confidence

    def warnings(self) -> list[str]:
        """What the viewer should know: frames of silence or noise, a label guessed."""
        counts = ((self.silent, "silence"), (self.noise_like, "noise"))
        said = [
            f"{count} of {counted(self.frames, 'frame')} {'is' if count == 1 else 'are'} of {what};"
            f" {'it is' if count == 1 else 'they are'} a guess"
            for count, what in counts
            if count
        ]
        return said + ([] if self.recognition is None else self.recognition.warnings())


def generate_video(
    generator: Generator,
    source: Source,
    file: Path,
    label: Label = None,
    frames_per_second: int = FRAMES_PER_SECOND,
    smooth_seconds: float = 0.0,
    reporter: Reporter | None = None,
) -> VideoResult:
    """Generate a video of a whole recording, with its sound.

    Args:
        generator: the model.
        source: a sound file.
        file: the video, .mp4 or .gif (which has no sound).
        label: as in ``Generator.generate``; without it the instrument is recognized from the whole
            recording.
        frames_per_second: whole, 1 or more.
        smooth_seconds: each frame becomes the mean of those up to so much earlier and later.
        reporter: receives progress.

    Raises:
        UserError: the sound cannot be read, the file cannot be written, an unknown label, or none
            and a model that cannot recognize instruments.
    """
    check_video_name(file)
    generator.check_labels([label])
    if not isinstance(source, Path):
        source = io.BytesIO(source.read())  # read twice: for the images, and for the soundtrack
    waveform = read_audio(source, generator.sample_rate)
    recognition = None
    if label is None:
        recognition = generator.recognize_recording(waveform)
        label = recognition.label
    starts = sliding_starts(
        len(waveform), generator.clip_samples, generator.sample_rate, frames_per_second
    )
    found: Counter[str] = Counter()

    def images() -> Iterator[ImageArray]:
        for generated in generate_frames(generator, waveform, starts, label):
            found.update(silent=generated.quality.silent, noise_like=generated.quality.noise_like)
            task.advance()
            yield generated.image

    if not isinstance(source, Path):
        source.seek(0)
    with (reporter or SilentReporter()).task("Video", len(starts)) as task:
        frames = smoothed(images(), round(smooth_seconds * frames_per_second))
        write_video(file, frames, frames_per_second, source)
    return VideoResult(
        label_weights=weights_by_label(label_weights(label, generator.labels), generator.labels),
        recognition=recognition,
        frames=len(starts),
        seconds=len(starts) / frames_per_second,
        silent=found["silent"],
        noise_like=found["noise_like"],
    )
