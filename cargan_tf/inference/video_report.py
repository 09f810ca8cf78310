"""Measure videos: a recording of many notes and rests, made of the clips of a data set."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from cargan_tf.audio.clips import from_int16
from cargan_tf.data.dataset import DatasetInfo, load_dataset
from cargan_tf.data.records import parse, read_records, shard_files
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.errors import UserError
from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.registry import VIDEO_METRICS
from cargan_tf.evaluation.metrics.video import VideoTrack
from cargan_tf.evaluation.report import MetricValue
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.video import FRAMES_PER_SECOND, generate_frames, plan_video
from cargan_tf.inference.video_writer import write_video
from cargan_tf.utils.arrays import FloatArray, ImageArray, IntArray
from cargan_tf.utils.files import write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

REPORT_FILE: Final = "video.json"
VIDEO_FILE: Final = "video.mp4"
#: All recordings together.
SECONDS: Final = 60.0
#: Photos to which frames are compared, evenly chosen over the classes.
PHOTOS: Final = 780
#: Seconds of a note and of a rest; the notes of a phrase follow each other at once.
NOTE_SECONDS: Final = (0.25, 0.5)
REST_SECONDS: Final = (0.3, 1.0)
PHRASE_NOTES: Final = (1, 4)
#: Ends of a note are faded over so many seconds.
_FADE_SECONDS: Final = 0.005
_BATCH: Final = 64


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A recording that was made of clips of one player.

    Attributes:
        label: the instrument.
        waveform: [samples].
        onsets: of its notes, in seconds.
    """

    label: str
    waveform: FloatArray
    onsets: NDArray[np.float64]


@dataclass(frozen=True)
class VideoReport:
    """What was measured on one video.

    Attributes:
        model: its name.
        split: of the data set that the notes are from.
        seconds: length of the video.
        frames: number of frames.
        notes: number of notes.
        values: by the metric's name; see ``evaluation.metrics.video``.
        skipped: why the others were not measured.
    """

    model: str
    split: str
    seconds: float
    frames: int
    notes: int
    values: Mapping[str, MetricValue]
    skipped: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of a split, [N] each: photos, clips, and whose they are."""

    photos: ImageArray
    waveforms: FloatArray
    classes: IntArray
    players: NDArray[np.str_]
    recordings: NDArray[np.str_]


def evaluate_video(
    generator: Generator,
    data: Path,
    out: Path,
    frames_per_second: int = FRAMES_PER_SECOND,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> VideoReport:
    """Make a recording of 60 seconds and its video, measure it, and write both to ``out``.

    Args:
        generator: the model.
        data: a data set with waveforms, of the model's labels, image size and sample rate.
        out: folder of ``video.json`` and ``video.mp4``.
        frames_per_second: of the video.
        seed: of the choice of notes and rests.
        reporter: receives progress.

    Raises:
        UserError: no data set, or one that does not fit.
    """
    dataset = load_dataset(data)
    _check(generator, dataset, data)
    split = "test" if dataset.records("test") else dataset.held_out_split or "train"
    pairs = _read(dataset, data, split, seed)
    excerpts = _excerpts(pairs, generator, frames_per_second, seed)
    plans = [plan_video(generator, one.waveform, frames_per_second) for one in excerpts]
    count = sum(plan.count for plan in plans)
    measurements = _FrameMeasurements(pairs, generator)

    def frames() -> Iterator[ImageArray]:
        for index, (excerpt, plan) in enumerate(zip(excerpts, plans, strict=True)):
            for result in generate_frames(generator, excerpt.waveform, plan, excerpt.label):
                measurements.add(result.image, index, generator.labels.index(excerpt.label))
                task.advance()
                yield result.image

    out.mkdir(parents=True, exist_ok=True)
    sound = io.BytesIO()
    waveform = np.concatenate([one.waveform for one in excerpts])
    soundfile.write(sound, waveform, generator.sample_rate, format="WAV")
    sound.seek(0)
    with (reporter or SilentReporter()).task("Video", count) as task:
        write_video(out / VIDEO_FILE, frames(), frames_per_second, sound)
    starts = np.cumsum([0, *(plan.count for plan in plans[:-1])]) / frames_per_second
    onsets = [start + one.onsets for start, one in zip(starts, excerpts, strict=True)]
    track = measurements.track(frames_per_second, np.concatenate(onsets))
    values, skipped = {}, {}
    for metric in VIDEO_METRICS:
        try:
            values[metric.info.name] = metric.measure(track)
        except NotMeasured as reason:
            skipped[metric.info.name] = str(reason)
    report = VideoReport(
        model=generator.name,
        split=split,
        seconds=count / frames_per_second,
        frames=count,
        notes=len(track.onsets),
        values=values,
        skipped=skipped,
    )
    write_json(out / REPORT_FILE, asdict(report))
    return report


def _check(generator: Generator, dataset: DatasetInfo, data: Path) -> None:
    if not dataset.has_waveforms:
        raise UserError(f"the data set {data} has spectrogram images only; a video needs sound.")
    ours, theirs = generator.config, dataset.config
    for what, one, other in (
        ("labels", generator.labels, dataset.labels),
        ("data.image_size", ours.data.image_size, theirs.data.image_size),
        ("audio.sample_rate", ours.audio.sample_rate, theirs.audio.sample_rate),
        ("audio.clip_seconds", ours.audio.clip_seconds, theirs.audio.clip_seconds),
    ):
        if one != other:
            raise UserError(
                f"{what} of the model is {one}, of the data set {data} {other}: name other data"
                " with --data."
            )


def _read(dataset: DatasetInfo, data: Path, split: str, seed: int) -> _Pairs:
    chosen = stratified_sample(dataset, data, split, PHOTOS, seed)
    wanted = None if chosen is None else set(chosen)
    files = shard_files(dataset, data, split)
    audio, size = dataset.config.audio, dataset.config.data.image_size
    columns: dict[str, list[Any]] = {}
    first = 0
    for serialized in read_records(files).batch(_BATCH):
        batch = parse(serialized, audio.n_mels, audio.frames, size, audio.clip_samples)
        count = int(batch["label"].shape[0])
        kept = [row for row in range(count) if wanted is None or first + row in wanted]
        for name in ("photo", "waveform", "label", "player", "recording"):
            columns.setdefault(name, []).append(batch[name].numpy()[kept])
        first += count
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    return _Pairs(
        photos=arrays["photo"],
        waveforms=from_int16(arrays["waveform"]),
        classes=arrays["label"],
        players=arrays["player"].astype(str),
        recordings=arrays["recording"].astype(str),
    )


def _excerpts(
    pairs: _Pairs, generator: Generator, frames_per_second: int, seed: int
) -> list[Excerpt]:
    """One for each class that has clips, all together as long as ``SECONDS``."""
    random = np.random.default_rng(seed)
    classes = np.unique(pairs.classes)
    excerpts = []
    for label in classes:
        recordings = np.unique(pairs.recordings[pairs.classes == label])
        chosen = recordings[random.integers(len(recordings))]
        clips = pairs.waveforms[(pairs.recordings == chosen) & (pairs.classes == label)]
        seconds = math.ceil(SECONDS / len(classes) * frames_per_second) / frames_per_second
        waveform, onsets = compose(clips, seconds, generator.sample_rate, random)
        excerpts.append(Excerpt(generator.labels[label], waveform, onsets))
    return excerpts


def compose(
    clips: FloatArray, seconds: float, rate: int, random: np.random.Generator
) -> tuple[FloatArray, NDArray[np.float64]]:
    """Phrases of clips with digital silence between them.

    Args:
        clips: [N, samples].
        seconds: length of the whole.
        rate: samples a second.
        random: chooses clips, and the lengths of notes and rests.

    Returns:
        [samples], and the onsets of its notes in seconds.
    """
    sound = np.zeros(round(seconds * rate), np.float32)
    onsets: list[float] = []
    position = random.uniform(*REST_SECONDS)
    while True:
        for _ in range(random.integers(*PHRASE_NOTES, endpoint=True)):
            clip = clips[random.integers(len(clips))]
            length = min(round(random.uniform(*NOTE_SECONDS) * rate), len(clip))
            first = round(position * rate)
            if first + length > len(sound):
                return sound, np.asarray(onsets, np.float64)
            fade = np.minimum(np.arange(length), np.arange(length)[::-1])
            envelope = np.minimum(1.0, (fade + 1) / (_FADE_SECONDS * rate))
            sound[first : first + length] = clip[:length] * envelope
            onsets.append(first / rate)
            position += length / rate
        position += random.uniform(*REST_SECONDS)


class _FrameMeasurements:
    """Player and movement of frames, one by one; a repeated image is compared once."""

    def __init__(self, pairs: _Pairs, generator: Generator) -> None:
        self._pairs = pairs
        self._photos = {
            label: pairs.photos[pairs.classes == label].astype(np.float32)
            for label in range(len(generator.labels))
        }
        self._last: ImageArray | None = None
        self._recordings: list[int] = []
        self._players: list[str] = []
        self._movement: list[float] = []

    def add(self, image: ImageArray, recording: int, label: int) -> None:
        """Add the next frame, [H, W, 3]."""
        same = bool(self._recordings) and self._recordings[-1] == recording
        if same and image is self._last:
            self._movement.append(0.0)
            self._players.append(self._players[-1])
        else:
            pixels = image.astype(np.float32)
            before = pixels if not same or self._last is None else self._last
            self._movement.append(float(np.abs(pixels - before).mean()))
            distances = [float(np.abs(photo - pixels).mean()) for photo in self._photos[label]]
            members = self._pairs.players[self._pairs.classes == label]
            self._players.append(str(members[int(np.argmin(distances))]))
        self._recordings.append(recording)
        self._last = image

    def track(self, frames_per_second: int, onsets: NDArray[np.float64]) -> VideoTrack:
        """All frames so far."""
        names, classes = self._pairs.players, self._pairs.classes
        known = bool(names.astype(bool).all())
        return VideoTrack(
            frames_per_second=frames_per_second,
            recordings=np.asarray(self._recordings, np.int64),
            players=np.asarray(self._players) if known else None,
            movement=np.asarray(self._movement, np.float32),
            onsets=onsets,
            player_chance=_chance(names, classes) if known else None,
        )


def _chance(names: NDArray[np.str_], classes: IntArray) -> float:
    """Probability that two random photos of a class show the same player; mean over classes."""
    values = []
    for label in np.unique(classes):
        _, counts = np.unique(names[classes == label], return_counts=True)
        values.append(float(np.square(counts / counts.sum()).sum()))
    return float(np.mean(values))
