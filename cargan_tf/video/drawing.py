"""From a recording to a video of its player."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.audio.decode import read_audio
from cargan_tf.drawn import Picture, doubt
from cargan_tf.inference import Generator, Label, Source
from cargan_tf.labels import label_weights, shares_of
from cargan_tf.progress import Reporter, SilentReporter
from cargan_tf.video.files import check_video_name, write_video
from cargan_tf.video.frames import draw_frames, recognise_recording, sliding_starts, smoothed

FRAMES_PER_SECOND = 10


@dataclass(frozen=True)
class DrawnVideo:
    """What was made of a recording.

    Attributes:
        label_weights: the share of each label whose share is not 0.
        confidence: of the sound classifier; ``None`` where the label was given.
        frames: their number.
        seconds: they last so long together.
        silent: frames whose clip is silent.
        noise_like: frames whose clip is more like noise than notes.
    """

    label_weights: Mapping[str, float]
    confidence: float | None
    frames: int
    seconds: float
    silent: int
    noise_like: int

    def warnings(self) -> list[str]:
        """What the viewer should know: frames of silence or noise, a label guessed."""
        counts = ((self.silent, "silence"), (self.noise_like, "noise"))
        said = [
            f"{count} of {self.frames} frames are of {what}; they are a guess"
            for count, what in counts
            if count
        ]
        return said + doubt(self.label_weights, self.confidence)


def draw_video(
    generator: Generator,
    source: Source,
    file: Path,
    label: Label = None,
    frames_per_second: int = FRAMES_PER_SECOND,
    smooth_seconds: float = 0.0,
    reporter: Reporter | None = None,
) -> DrawnVideo:
    """Draw a whole recording frame by frame and write it with its sound.

    Args:
        generator: draws.
        source: a sound file.
        file: the video, .mp4 or .gif (which has no sound).
        label: as in ``Generator.generate``; without it the instrument is recognised from the whole
            recording.
        frames_per_second: whole, 1 or more.
        smooth_seconds: each frame becomes the mean of those up to so much earlier and later.
        reporter: told of each frame.

    Raises:
        UserError: the sound cannot be read, the file cannot be written, an unknown label, or none
            and a model that cannot recognise instruments.
    """
    check_video_name(file)
    generator.check_labels([label])
    if not isinstance(source, Path):
        source = io.BytesIO(source.read())  # it is read twice: to be drawn, and to be heard
    waveform = read_audio(source, generator.sample_rate)
    confidence = None
    if label is None:
        recognition = recognise_recording(generator, waveform)
        label, confidence = recognition.label, recognition.confidence
    starts = sliding_starts(
        len(waveform), generator.clip_samples, generator.sample_rate, frames_per_second
    )
    found: Counter[str] = Counter()

    def pictures() -> Iterator[Picture]:
        for drawn in draw_frames(generator, waveform, starts, label):
            found.update(silent=drawn.quality.silent, noise_like=drawn.quality.noise_like)
            task.advance()
            yield drawn.image

    if not isinstance(source, Path):
        source.seek(0)
    with (reporter or SilentReporter()).task("Video", len(starts)) as task:
        frames = smoothed(pictures(), round(smooth_seconds * frames_per_second))
        write_video(file, frames, frames_per_second, source)
    return DrawnVideo(
        label_weights=shares_of(label_weights(label, generator.labels), generator.labels),
        confidence=confidence,
        frames=len(starts),
        seconds=len(starts) / frames_per_second,
        silent=found["silent"],
        noise_like=found["noise_like"],
    )
