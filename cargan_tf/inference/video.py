"""A video of the player from a whole recording: one image per frame."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from pathlib import Path
from typing import Final

from cargan_tf.audio.decode import decode_file
from cargan_tf.audio.notes import DetectedNote, find_notes
from cargan_tf.errors import counted
from cargan_tf.inference.generator import BATCH_SIZE, Generator, Label, Source
from cargan_tf.inference.result import (
    GenerationResult,
    Recognition,
)
from cargan_tf.inference.video_clips import (
    Frame,
    cut_frame,
    frame_count,
    plan_frames,
    resting_clip,
)
from cargan_tf.inference.video_writer import check_video_name, write_video
from cargan_tf.labels import label_weights, weights_by_label
from cargan_tf.utils.arrays import FloatArray, ImageArray
from cargan_tf.utils.progress import Reporter, SilentReporter

FRAMES_PER_SECOND: Final = 25
#: Seconds in which the player moves from one note to the next.
SMOOTH_SECONDS: Final = 0.12


@dataclass(frozen=True)
class VideoPlan:
    """What a video is generated from.

    Attributes:
        notes: of the recording; none where nothing sounds.
        frames: one for each image; none where there are no notes: a plain player rests.
        count: number of images.
    """

    notes: Sequence[DetectedNote]
    frames: Sequence[Frame]
    count: int

    @property
    def resting(self) -> int:
        """Frames at whose time nothing sounds."""
        return sum(frame.resting for frame in self.frames) if self.frames else self.count


def plan_video(
    generator: Generator,
    waveform: FloatArray,
    frames_per_second: int = FRAMES_PER_SECOND,
    smooth_seconds: float = SMOOTH_SECONDS,
) -> VideoPlan:
    """Find the notes of a recording, and what each frame is generated from.

    Args:
        generator: gives rate and length of clips.
        waveform: [samples] at its rate.
        frames_per_second: whole, 1 or more.
        smooth_seconds: as in ``plan_frames``.
    """
    rate = generator.sample_rate
    count = frame_count(len(waveform), rate, frames_per_second)
    notes = find_notes(waveform, generator.audio)
    if not notes:
        return VideoPlan((), (), count)
    frames = plan_frames(
        notes, count, generator.clip_samples, rate, frames_per_second, smooth_seconds
    )
    return VideoPlan(notes, frames, count)


def generate_frames(
    generator: Generator, waveform: FloatArray, plan: VideoPlan, label: Label
) -> Iterator[GenerationResult]:
    """Generate the images of a plan, one result a frame; equal frames are generated once.

    Args:
        generator: the model.
        waveform: [samples] for which ``plan`` was made.
        plan: of all frames.
        label: of all frames.
    """
    if not plan.frames:
        resting = resting_clip(generator.statistics, generator.audio)
        yield from repeat(generator.generate_clips([resting], [label])[0], plan.count)
        return
    different = [(frame, len(list(same))) for frame, same in groupby(plan.frames, Frame.shown)]
    for first in range(0, len(different), BATCH_SIZE):
        batch = different[first : first + BATCH_SIZE]
        clips = [
            cut_frame(waveform, plan.notes, Frame(*shown), generator.audio) for shown, _ in batch
        ]
        results = generator.generate_clips(clips, [label] * len(clips))
        for result, (_, times) in zip(results, batch, strict=True):
            yield from repeat(result, times)


@dataclass(frozen=True)
class VideoResult:
    """The result of a recording.

    Attributes:
        label_weights: the weight of each label, where it is not 0.
        recognition: of the sound classifier; ``None`` if the label was given.
        frames: their number.
        seconds: they last so long together.
        resting: frames in which the player rests, as nothing is played.
        noise_like: frames whose clip is more like noise than notes.
        sound_notes: what was put right in the sound before it was heard.
    """

    label_weights: Mapping[str, float]
    recognition: Recognition | None
    frames: int
    seconds: float
    resting: int
    noise_like: int
    sound_notes: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Probability of the recognized label; ``None`` if it was given, or for silence."""
        return None if self.recognition is None else self.recognition.confidence

    def warnings(self) -> list[str]:
        """What the viewer should know: a sound put right, nothing played, noise, a label
        guessed."""
        recognition = self.recognition
        if recognition is not None and recognition.is_none:
            return [
                *self.sound_notes,
                f"it sounds like none of the {len(recognition.probabilities)} instruments; the"
                " video shows a player at rest; set the label if an instrument plays",
            ]
        said = list(self.sound_notes)
        if self.resting == self.frames:
            said.append("no note was found; the video shows a player at rest")
        elif self.noise_like:
            what = "is of noise; it is" if self.noise_like == 1 else "are of noise; they are"
            said.append(f"{self.noise_like} of {counted(self.frames, 'frame')} {what} a guess")
        return said + ([] if recognition is None else recognition.warnings())


def generate_video(
    generator: Generator,
    source: Source,
    file: Path,
    label: Label = None,
    frames_per_second: int = FRAMES_PER_SECOND,
    smooth_seconds: float = SMOOTH_SECONDS,
    reporter: Reporter | None = None,
) -> VideoResult:
    """Generate a video of a whole recording, with its sound.

    Where nothing is played the player rests; throughout, if the recording holds no note, or is
    recognized as none of the instruments.

    Args:
        generator: the model.
        source: a sound file.
        file: the video, .mp4 or .gif (which has no sound).
        label: as in ``Generator.generate``; without it the instrument is recognized from the whole
            recording.
        frames_per_second: whole, 1 or more.
        smooth_seconds: time in which the player moves from one note to the next; 0 for at once.
            Images are never averaged.
        reporter: receives progress.

    Raises:
        UserError: the sound cannot be read, the file cannot be written, an unknown label, or none
            and a model that cannot recognize instruments.
    """
    check_video_name(file)
    generator.check_labels([label])
    if not isinstance(source, Path):
        source = io.BytesIO(source.read())  # read twice: for the images, and for the soundtrack
    sound = decode_file(source, generator.sample_rate)
    waveform = sound.samples
    recognition = None
    plan = plan_video(generator, waveform, frames_per_second, smooth_seconds)
    if label is None:
        recognition = generator.recognize_recording(waveform)
        label = recognition.label
        if recognition.is_none:
            plan = VideoPlan((), (), plan.count)
    found: Counter[str] = Counter()

    def images() -> Iterator[ImageArray]:
        for generated in generate_frames(generator, waveform, plan, label):
            found.update(noise_like=generated.quality.noise_like)
            task.advance()
            yield generated.image

    if not isinstance(source, Path):
        source.seek(0)
    with (reporter or SilentReporter()).task("Video", plan.count) as task:
        write_video(file, images(), frames_per_second, source)
    return VideoResult(
        label_weights=weights_by_label(label_weights(label, generator.labels), generator.labels),
        recognition=recognition,
        frames=plan.count,
        seconds=plan.count / frames_per_second,
        resting=plan.resting,
        noise_like=found["noise_like"],
        sound_notes=sound.notes,
    )
