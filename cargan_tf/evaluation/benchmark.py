"""A benchmark for any system that makes images from sounds, in whatever framework.

The data are the sample data at one of three sizes. A system is given the sounds and labels of the
test split and answers with images named by clip, and with the labels that it recognizes, if it
does. Its scores stand in a table beside those of still photos and of the nearest training sound.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from cargan_tf.config import Config, load_config
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, load_dataset
from cargan_tf.data.images import open_image
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.data.sources.manifest import read_manifest
from cargan_tf.errors import UserError, counted
from cargan_tf.evaluation.generation import GENERATION_BATCH, GeneratedSplit
from cargan_tf.evaluation.metrics.inputs import fraction
from cargan_tf.evaluation.metrics.registry import chosen_metrics
from cargan_tf.evaluation.networks.feature_network import EVALUATOR, FEATURES, ImageNetwork
from cargan_tf.evaluation.networks.registry import Networks, feature_network, find_evaluators
from cargan_tf.evaluation.report import (
    DEFAULT_FEATURES,
    REFINED,
    MetricInfo,
    MetricValue,
    Row,
    SkippedMetric,
)
from cargan_tf.evaluation.split_report import SplitInputs, measure_row
from cargan_tf.evaluation.training_photos import (
    TRAINING_PHOTOS,
    PoseReader,
    StillPhotos,
    read_training_photos,
)
from cargan_tf.labels import label_index
from cargan_tf.synthetic.build import MANIFEST, make_sample_data
from cargan_tf.training.validation import class_mean_photos, gather, names_of
from cargan_tf.utils.arrays import FloatArray, IntArray
from cargan_tf.utils.files import file_hash, read_json, write_atomically, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

#: Raised whenever values change that should not be compared with earlier ones.
VERSION: Final = 1
#: Recordings of each instrument, and clips of each recording.
SIZES: Final[Mapping[str, tuple[int, int]]] = {
    "small": (18, 4),
    "medium": (36, 15),
    "large": (120, 15),
}
#: Sound and image settings of its data, as published with the shipped model.
CONFIG: Final = "players-128"
SEED: Final = 0

INFO_FILE: Final = "benchmark.json"
CLIPS_FILE: Final = "clips.csv"
RESULTS: Final = "results"
_SAMPLE, _DATA, _SPLIT = "sample", "data", "test"
_NEAREST: Final = "nearest training sound"

#: Of images, by task: generate, retrieve, pose.
METRICS: Final = (
    *("evaluator_accuracy", "fid", "kid", "l1", "ssim"),
    *("retrieval_1", "retrieval_1_player", "player_match"),
    *("pose_pitch", "pose_loudness"),
)
RECOGNITION: Final = MetricInfo(
    name="recognition",
    title="recognized",
    better="higher",
    fraction=True,
    meaning="Accuracy of the recognized instruments on the test sounds.",
)


@dataclass(frozen=True)
class BenchmarkInfo:
    """What ``benchmark.json`` says; results of equal ``data_hash`` can be compared.

    Attributes:
        version: of the benchmark.
        size: one of ``SIZES``, or ``tiny`` in tests.
        data_hash: SHA-256 of the prepared data's description, which has the hash of each file.
        clips: sounds of the test split.
    """

    version: int
    size: str
    data_hash: str
    clips: int


def make_benchmark(
    out: Path,
    size: str = "medium",
    soundfonts: Sequence[Path] = (),
    recordings: Path | None = None,
    reporter: Reporter | None = None,
    config: Config | None = None,
) -> BenchmarkInfo:
    """Make the data in the folder ``out``, unless they are there.

    ``out/clips.csv`` names each test clip, its sound file and its label; what a system may learn
    from is the training split of ``out/sample/manifest.csv`` or of the prepared ``out/data``.

    Args:
        out: a new folder, or one that an earlier call began.
        size: one of ``SIZES``.
        soundfonts: SoundFonts that play instead of the synthesizer.
        recordings: real recordings to add, as for ``cargan sample-data``.
        reporter: receives progress.
        config: sound and image settings, by default those of ``CONFIG``.

    Raises:
        UserError: unknown size, or ``out`` holds another benchmark or something else.
    """
    if size not in SIZES:
        raise UserError(f"received the size {size!r}; expected {', '.join(SIZES)}.")
    reporter = reporter or SilentReporter()
    count, clips_per_recording = SIZES[size]
    if (out / INFO_FILE).is_file() and read_info(out).size != size:
        raise UserError(f"{out} holds the benchmark at size {read_info(out).size}: name another.")
    make_sample_data(
        out / _SAMPLE,
        count=count,
        clips_per_recording=clips_per_recording,
        seed=SEED,
        soundfonts=soundfonts,
        real=recordings,
        reporter=reporter,
    )
    preprocess(out / _SAMPLE, out / _DATA, config or load_config(CONFIG), reporter=reporter)
    clips = _write_clips(out)
    info = BenchmarkInfo(VERSION, size, file_hash(out / _DATA / DATASET_FILE), clips)
    write_json(out / INFO_FILE, asdict(info))
    return info


def read_info(out: Path) -> BenchmarkInfo:
    """What the benchmark in ``out`` is.

    Raises:
        UserError: there is none, or it is of another version.
    """
    try:
        info = BenchmarkInfo(**read_json(out / INFO_FILE))
    except FileNotFoundError as error:
        raise UserError(f"{out} holds no benchmark: make it with cargan benchmark.") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{out / INFO_FILE} is damaged: make the benchmark anew.") from error
    if info.version != VERSION:
        raise UserError(
            f"{out} holds version {info.version} of the benchmark, this is version {VERSION}:"
            " make it anew in another folder."
        )
    return info


def clip_name(key: str) -> str:
    """The name of a clip's image without its ending, from the id of its pair."""
    return key.replace("/", "_")


def _write_clips(out: Path) -> int:
    """Write ``clips.csv``; returns the number of clips."""
    pairs = [pair for pair in read_manifest(out / _SAMPLE / MANIFEST).pairs if pair.split == _SPLIT]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("clip", "label", "player", "sound"))
    for pair in sorted(pairs, key=lambda pair: pair.key):
        name = clip_name(pair.id)
        sound = pair.audio.relative_to(out.absolute() if pair.audio.is_absolute() else out)
        writer.writerow((name, pair.label, pair.player, sound.as_posix()))
    write_atomically(out / CLIPS_FILE, text.getvalue().encode())
    return len(pairs)


def score(
    out: Path,
    name: str,
    images: Path | None = None,
    recognized: Path | None = None,
    reporter: Reporter | None = None,
) -> Row:
    """Score a system and keep its row in ``out/results``.

    Args:
        out: made by ``make_benchmark``.
        name: of the system, for the table; a row of that name is replaced.
        images: a folder of the system's images, ``<clip>.png`` for each clip of ``clips.csv``, of
            the size of the prepared photos.
        recognized: a CSV with the columns ``clip`` and ``label``: what the system recognizes.
        reporter: receives progress.

    Raises:
        UserError: a clip without an image or label, an image of another size, or an unknown label.
    """
    info, data, reporter = read_info(out), out / _DATA, reporter or SilentReporter()
    dataset = load_dataset(data)
    test = gather(evaluation_batches(dataset, data, dataset.config, _SPLIT, GENERATION_BATCH))
    keys, classes = names_of(test["id"]), np.argmax(test["label"], axis=1)
    values: dict[str, MetricValue] = {}
    if recognized is not None:
        found = _read_labels(recognized, keys, dataset.labels)
        values[RECOGNITION.name] = fraction(found == classes, chance=1 / len(dataset.labels))
    if images is not None:
        generated = _split_of(dataset, test, _read_images(images, keys, test["photo"].shape[1:]))
        scorer = _Scorer(dataset, data, generated, reporter)
        if not _result_file(out, _NEAREST).is_file():
            for row in scorer.reference_rows():
                _write_result(out, row, info)
        values |= scorer.row(REFINED, "Score images").values
    row = Row(name, values)
    _write_result(out, row, info)
    return row


def results(out: Path) -> list[Row]:
    """The rows of all systems scored on these very data, best FID first, those without one last."""
    info = read_info(out)
    rows = []
    for file in sorted((out / RESULTS).glob("*.json")):
        stored = read_json(file)
        if stored["data_hash"] == info.data_hash:
            values = {key: MetricValue(**value) for key, value in stored["values"].items()}
            rows.append(Row(stored["system"], values))
    return sorted(rows, key=lambda row: row.values["fid"].value if "fid" in row.values else np.inf)


class _Scorer:
    """Measures images of the test split."""

    def __init__(
        self, dataset: DatasetInfo, data: Path, generated: GeneratedSplit, reporter: Reporter
    ) -> None:
        self._dataset, self._data, self._reporter = dataset, data, reporter
        self._training = read_training_photos(dataset, data, dataset.config)
        self._generated = generated
        networks: dict[str, ImageNetwork] = {
            FEATURES: feature_network(DEFAULT_FEATURES, None),
            EVALUATOR: find_evaluators(data, dataset.config, reporter),
        }
        training = self._training
        reader = PoseReader(training.photos, training.classes, training.pitch, training.loudness)
        self._inputs = SplitInputs(
            self._generated, {}, Networks(networks, {}), SEED, lambda: reader
        )
        self._metrics = chosen_metrics(METRICS)

    def row(self, kind: str, title: str) -> Row:
        """The values of one row; ``kind`` as in ``SplitInputs``."""
        skipped: list[SkippedMetric] = []
        with self._reporter.task(title, 1) as task:
            row = measure_row(self._inputs.row(kind), self._metrics, kind, skipped, by_class=False)
            task.advance()
        for metric in skipped:
            self._reporter.message(f"not measured: {metric.metric}: {metric.reason}")
        return row

    def reference_rows(self) -> list[Row]:
        """Still photos, real photos, and the photo of the nearest training sound."""
        generated, dataset = self._generated, self._dataset
        batches = evaluation_batches(dataset, self._data, dataset.config, "train", GENERATION_BATCH)
        photos = StillPhotos(self._training, dataset.labels, class_mean_photos(batches))
        stills, _ = photos.rows(generated.classes, generated.players)
        nearest = replace(generated, refined=self._nearest_photos())
        self._inputs = replace(
            self._inputs,
            generated=replace(generated, stills=stills),
            compared={_NEAREST: nearest},
        )
        return [self.row(kind, f"Score {kind}") for kind in self._inputs.kinds if kind != REFINED]

    def _nearest_photos(self) -> FloatArray:
        """[N, S, S, 3]: of the training clip of the class whose spectrogram is nearest."""
        dataset, data = self._dataset, self._data
        chosen = stratified_sample(dataset, data, "train", TRAINING_PHOTOS, SEED)
        train = gather(
            evaluation_batches(
                dataset, data, dataset.config, "train", GENERATION_BATCH, chosen=chosen
            )
        )
        classes = np.argmax(train["label"], axis=1)
        photos = np.empty_like(self._generated.photos)
        for index, label in enumerate(self._generated.classes):
            members = np.flatnonzero(classes == label)
            difference = train["spectrogram"][members] - self._generated.spectrograms[index]
            distance = np.square(difference).mean(axis=(1, 2, 3))
            photos[index] = train["photo"][members[np.argmin(distance)]]
        return photos


def _split_of(
    dataset: DatasetInfo, test: Mapping[str, np.ndarray], images: FloatArray
) -> GeneratedSplit:
    """The test split with ``images`` as what was generated, [N, S, S, 3] in [-1, 1]."""
    players = names_of(test["player"])
    return GeneratedSplit(
        split=_SPLIT,
        labels=dataset.labels,
        keys=names_of(test["id"]),
        recordings=names_of(test["recording"]),
        players=players if all(players) else (),
        silent=np.zeros(len(images), bool),
        noise_like=np.zeros(len(images), bool),
        pitch=test["midi"],
        loudness=test["rms_db"],
        spectrograms=test["spectrogram"],
        label=test["label"],
        photos=test["photo"],
        coarse=images,
        refined=images,
        other_sound=images,
        other_label=images,
        stills={},
        missing_stills={},
    )


def _read_images(folder: Path, keys: Sequence[str], shape: tuple[int, ...]) -> FloatArray:
    """[N, S, S, 3] in [-1, 1]; raises ``UserError`` for one that is missing or of another size."""
    missing = [key for key in keys if not (folder / f"{clip_name(key)}.png").is_file()]
    if missing:
        raise UserError(
            f"{folder} lacks {counted(len(missing), 'image')} of {len(keys)}, such as"
            f" {clip_name(missing[0])}.png; {CLIPS_FILE} lists all clips."
        )
    images = np.empty((len(keys), *shape), np.float32)
    for index, key in enumerate(keys):
        file = folder / f"{clip_name(key)}.png"
        with open_image(file) as image:
            if (image.height, image.width) != shape[:2]:
                raise UserError(
                    f"{file} is {image.width}×{image.height} pixels; expected"
                    f" {shape[1]}×{shape[0]}, as the photos are."
                )
            images[index] = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1.0
    return images


def _read_labels(file: Path, keys: Sequence[str], labels: Sequence[str]) -> IntArray:
    """[N] indices of the labels that a system recognizes; -1 for none of them."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            given = {row["clip"]: row["label"] for row in csv.DictReader(lines)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} is no CSV with the columns clip and label.") from error
    missing = [key for key in keys if clip_name(key) not in given]
    if missing:
        raise UserError(
            f"{file} names no label for {counted(len(missing), 'clip')} of {len(keys)}, such as"
            f" {clip_name(missing[0])}; leave the label empty for none of the instruments."
        )
    found = [given[clip_name(key)] for key in keys]
    known = {name: label_index(name, tuple(labels)) for name in set(found) if name}
    return np.asarray([known.get(name, -1) for name in found], np.int64)


def _result_file(out: Path, name: str) -> Path:
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    file = out / RESULTS / f"{safe.lstrip('.') or '-'}.json"
    if file.stem == name:
        return file
    # Names that differ in other characters only must not share a file.
    return file.with_stem(f"{file.stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def _write_result(out: Path, row: Row, info: BenchmarkInfo) -> None:
    """Add the values to those that the system's row has already."""
    file = _result_file(out, row.name)
    kept: dict[str, Any] = {}
    if file.is_file():
        stored = read_json(file)
        kept = stored["values"] if stored["data_hash"] == info.data_hash else {}
    write_json(
        file,
        {
            "system": row.name,
            "benchmark": f"cargan {info.version} {info.size}",
            "data_hash": info.data_hash,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "values": {**kept, **{name: asdict(value) for name, value in row.values.items()}},
        },
    )
