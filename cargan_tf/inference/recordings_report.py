"""How well a model recognizes a folder of recordings, as they are and as poor copies of them, and
whether its images follow their pitch and loudness.

One prediction per recording, from half seconds all over it, as ``cargan generate`` without a label;
one image, of the loudest half second, under the true label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soxr
from scipy.signal import fftconvolve

from cargan_tf.audio.augmentation import room_response, through_codec
from cargan_tf.audio.clips import root_mean_square
from cargan_tf.audio.decode import read_audio, sound_files
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.result import Recognition
from cargan_tf.labels import NONE, label_index
from cargan_tf.synthetic.real_recordings import midi_of
from cargan_tf.training.classifiers.calibration import Calibration, measure_calibration
from cargan_tf.utils.arrays import FloatArray
from cargan_tf.utils.files import write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

if TYPE_CHECKING:
    from cargan_tf.evaluation.training_photos import PoseReader

REPORT_FILE: Final = "recordings.json"
DIAGRAM_FILE: Final = "reliability.svg"
#: Noise relative to the recording's RMS, dB.
NOISE_DB: Final = -15.0
#: Reverberation time of the poor copies' room, seconds.
ROOM_SECONDS: Final = 0.6
MP3_BIT_RATE: Final = 64_000
#: Above this probability a sound of no instrument was mistaken for one.
TAKEN: Final = 0.5

#: [samples] and their rate to [samples].
Change = Callable[[FloatArray, int], FloatArray]


@dataclass(frozen=True)
class VariantReport:
    """One kind of copy of all recordings.

    Attributes:
        calibration: accuracy, top-3, confidence and calibration error over the labels; ``None``
            without recordings of any label.
        accuracy: by label.
        none_recognized: fraction of the recordings of a label that were recognized as none.
        taken: fraction of sounds of no instrument that some label has more than half of; ``None``
            without such sounds.
        pose: rank correlation of ``pitch`` and ``loudness``, read from the images, with those of
            the sound, averaged over the labels; without those that were not measured.
    """

    calibration: Calibration | None
    accuracy: Mapping[str, float]
    none_recognized: float
    taken: float | None
    pose: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordingsReport:
    """Recognition of a folder of recordings.

    Attributes:
        model: its name.
        recordings: number by label, ``none`` among them.
        unreadable: files that cannot be read, and why.
        variants: by name of the copy; ``as recorded`` first.
    """

    model: str
    recordings: Mapping[str, int]
    unreadable: Mapping[str, str]
    variants: Mapping[str, VariantReport]


@dataclass(frozen=True)
class _Pose:
    """Of one recording: what was read from its image, and what is true."""

    label: str
    read: Mapping[str, float]
    true: Mapping[str, float]


def evaluate_recordings(
    generator: Generator,
    folder: Path,
    out: Path,
    reporter: Reporter | None = None,
    data: Path | None = None,
    seed: int = 0,
) -> RecordingsReport:
    """Recognize all recordings below ``folder`` and write ``recordings.json`` to ``out``.

    Args:
        generator: a model with a sound classifier.
        folder: a folder per label of the model; ``none`` holds sounds of none of them. The pitch
            of a recording is what a note name in the file's name says, such as ``a_A4_soft.wav``.
        out: folder of the report.
        reporter: receives progress.
        data: the data set that the model was trained on, from whose photos it is learned to read
            the pose; without it the pose is not measured.
        seed: of the room and the noise.

    Raises:
        UserError: no recordings, a folder of an unknown label, no sound classifier, or a data set
            of another model.
    """
    generator.check_labels([None])
    files = _files(folder, generator.labels)
    reader = None if data is None else _pose_reader(generator, data)
    changes = _changes(seed)
    found: dict[str, list[tuple[str, Recognition]]] = {name: [] for name in changes}
    poses: dict[str, list[_Pose]] = {name: [] for name in changes}
    unreadable = {}
    with (reporter or SilentReporter()).task("Recordings", len(files)) as task:
        for label, path in files:
            try:
                sound = read_audio(path, generator.sample_rate)
            except UserError as error:
                unreadable[str(path)] = str(error)
            else:
                for name, change in changes.items():
                    changed = change(sound, generator.sample_rate)
                    found[name].append((label, generator.recognize_recording(changed)))
                    if reader is not None and label != NONE:
                        poses[name].append(_pose(generator, reader, label, path, changed))
            task.advance()
    names = [label for label, _ in files]
    report = RecordingsReport(
        model=generator.name,
        recordings={label: names.count(label) for label in dict.fromkeys(names)},
        unreadable=unreadable,
        variants={
            name: replace(_measure(pairs, generator.labels), pose=_correlations(poses[name]))
            for name, pairs in found.items()
        },
    )
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / REPORT_FILE, asdict(report))
    return report


def _pose_reader(generator: Generator, data: Path) -> PoseReader:
    # TensorFlow is imported only where the pose is measured.
    from cargan_tf.data.dataset import check_fits, load_dataset
    from cargan_tf.evaluation.training_photos import PoseReader, read_training_photos

    dataset = load_dataset(data)
    check_fits(dataset, generator.config)
    if dataset.labels != generator.labels:
        raise UserError(
            f"{data} is not the data of {generator.name}: it has the labels"
            f" {', '.join(dataset.labels)} instead of {', '.join(generator.labels)}."
        )
    photos = read_training_photos(dataset, data, generator.config)
    return PoseReader(photos.photos, photos.classes, photos.pitch, photos.loudness)


def _pose(
    generator: Generator, reader: PoseReader, label: str, path: Path, sound: FloatArray
) -> _Pose:
    (result,) = generator.generate_clips([generator.clip(sound, generator.sample_rate)], [label])
    index = generator.labels.index(label)
    key = midi_of(path.stem)
    true = {"pitch": math.nan if key is None else float(key), "loudness": result.quality.rms_db}
    read = {
        quantity: float(reader.read(result.image[None], quantity, index)[0])
        for quantity in true
        if index in reader.classes_of(quantity)
    }
    return _Pose(label, read, true)


def _correlations(poses: list[_Pose]) -> dict[str, float]:
    """Of each quantity, the mean over the labels with enough recordings."""
    if not poses:
        return {}
    from cargan_tf.evaluation.metrics.pose import rank_correlation
    from cargan_tf.evaluation.training_photos import MIN_IMAGES

    means = {}
    for quantity in ("pitch", "loudness"):
        values = []
        for label in dict.fromkeys(one.label for one in poses):
            pairs = np.array(
                [
                    (one.read[quantity], one.true[quantity])
                    for one in poses
                    if one.label == label
                    and quantity in one.read
                    and math.isfinite(one.true[quantity])
                ]
            )
            if len(pairs) >= MIN_IMAGES and np.ptp(pairs[:, 1]) > 0:
                values.append(rank_correlation(pairs[:, 0], pairs[:, 1]))
        if values:
            means[quantity] = float(np.mean(values))
    return means


def _measure(pairs: list[tuple[str, Recognition]], labels: tuple[str, ...]) -> VariantReport:
    """Silence counts as none of the labels."""
    known = [(label, one) for label, one in pairs if label != NONE]
    others = [one for label, one in pairs if label == NONE]
    calibration, accuracy, none_recognized = None, {}, 0.0
    if known:
        rows = np.array(
            [[*(one.probabilities[label] for label in labels), one.none] for _, one in known]
        )
        truth = np.array([labels.index(label) for label, _ in known])
        calibration = measure_calibration(rows, truth)
        chosen = rows.argmax(axis=1)
        none_recognized = float((chosen == len(labels)).mean())
        accuracy = {
            labels[index]: float((chosen[truth == index] == index).mean())
            for index in np.unique(truth)
        }
    taken = [not one.silent and (one.confidence or 0.0) > TAKEN for one in others]
    return VariantReport(
        calibration=calibration,
        accuracy=accuracy,
        none_recognized=none_recognized,
        taken=float(np.mean(taken)) if taken else None,
    )


def _changes(seed: int) -> dict[str, Change]:
    return {
        "as recorded": lambda sound, rate: sound,
        "at 16 kHz": _at(16_000),
        "at 8 kHz": _at(8_000),
        "in a room": partial(_in_a_room, seed=seed),
        "in noise": partial(_in_noise, seed=seed),
        "as mp3, 64 kbit/s": lambda sound, rate: through_codec(sound, rate, "mp3", MP3_BIT_RATE),
    }


def _at(limited_rate: int) -> Change:
    def change(sound: FloatArray, rate: int) -> FloatArray:
        if limited_rate >= rate:
            return sound
        limited = soxr.resample(soxr.resample(sound, rate, limited_rate), limited_rate, rate)
        return np.pad(limited, (0, max(0, len(sound) - len(limited))))[: len(sound)]

    return change


def _in_a_room(sound: FloatArray, rate: int, seed: int) -> FloatArray:
    random = np.random.default_rng(seed)
    response = room_response(rate, rate, ROOM_SECONDS, random)
    return np.asarray(fftconvolve(sound, response)[: len(sound)], np.float32)


def _in_noise(sound: FloatArray, rate: int, seed: int) -> FloatArray:
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    level = root_mean_square(sound) * 10 ** (NOISE_DB / 20)
    return np.asarray(sound + level * noise, np.float32)


def _files(folder: Path, labels: tuple[str, ...]) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name one with a folder of sounds per label.")
    found = []
    for inside in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        name = inside.name.strip().lower()
        label = NONE if name == NONE else labels[label_index(inside.name, labels)]
        found += [(label, path) for path in sound_files(inside)]
    if not found:
        raise UserError(f"{folder} holds no sounds: expected a folder per label with sound files.")
    return found


def summary(report: RecordingsReport) -> dict[str, dict[str, Any]]:
    """The numbers of each variant for a table: accuracy, top-3, confidence, error, taken, and the
    pose where it was measured."""
    rows: dict[str, dict[str, Any]] = {}
    for name, variant in report.variants.items():
        measured = variant.calibration
        rows[name] = {
            "accuracy": None if measured is None else measured.accuracy,
            "top-3": None if measured is None else measured.top_3,
            "confidence": None if measured is None else measured.confidence,
            "calibration error": None if measured is None else measured.error,
            "other sounds mistaken for an instrument": variant.taken,
            **{f"pose: {quantity}": value for quantity, value in variant.pose.items()},
        }
    return rows
