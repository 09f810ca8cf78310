"""The plan of a preprocessing run, the record of each finished shard for resuming, and a shard's
work file: all that any process on any machine needs to write it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config
from cargan_tf.data.dataset import FORMAT_VERSION, Shard
from cargan_tf.data.other_sounds import find_other_sounds
from cargan_tf.data.pairs import SPLITS, Pair, Skipped, Source, in_key_order, numbered
from cargan_tf.data.preprocessing.worker import Chunk, extract
from cargan_tf.data.sources.detection import first_reasons
from cargan_tf.data.splits import hash_order
from cargan_tf.errors import UserError, counted
from cargan_tf.labels import check_labels, label_index
from cargan_tf.utils.files import file_hash, to_path, write_atomically, write_json

#: Pairs read at a time. Fixed: the order in which numbers are summed, and with it their last bits,
#: must not depend on the number of workers. 64 images of 256 pixels are 13 MB.
CHUNK_PAIRS = 64


@dataclass(frozen=True)
class Normalization:
    """What a data set takes over from a run or model that is to be measured on it.

    Attributes:
        origin: the run or model, for people.
        labels: its classes, in the order of its one-hot labels.
        statistics: its band statistics.
    """

    origin: str
    labels: tuple[str, ...]
    statistics: BandStatistics


@dataclass(frozen=True)
class PlannedShard:
    """A file to be written and the pairs that go into it, in order."""

    name: str
    split: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Plan:
    """All that decides what the finished data set contains.

    Attributes:
        source: the pairs found.
        config: the configuration.
        labels: classes of the training split, sorted, or those of ``normalization``.
        shards: every file, training first.
        skipped: what falls away before decoding.
        digest: equal for equal plans: settings, pairs, and sizes and times of their files.
        other_sounds: files with sounds of none of the labels, by split.
        normalization: labels and statistics where they are not those of the training split.
    """

    source: Source
    config: Config
    labels: tuple[str, ...]
    shards: tuple[PlannedShard, ...]
    skipped: tuple[Skipped, ...]
    digest: str
    other_sounds: dict[str, list[Path]] = field(default_factory=dict)
    normalization: Normalization | None = None


def make_plan(source: Source, config: Config, normalization: Normalization | None = None) -> Plan:
    """Deal the pairs of each split out to shards, mixed so that no shard is of one class.

    A label that no training pair has cannot be learned: its pairs are skipped; with
    ``normalization``, those whose label its model does not know.

    Raises:
        UserError: there is no training pair, no pair of the model's labels, or a label is
            no name.
    """
    if normalization is None:
        labels = tuple(sorted({pair.label for pair in source.pairs if pair.split == "train"}))
        reason = "no training pair has the label"
        if not labels:
            raise UserError(
                f"{source.root} holds {counted(len(source.pairs), 'pair')}, none of them in the"
                f" split 'train'; skipped: {len(source.skipped)}{first_reasons(source.skipped)}. To"
                " measure a run or model on them, name it with --normalization-from."
            )
        check_labels(labels, str(source.root))
    else:
        labels = normalization.labels
        source = _in_labels_of(normalization, source)
        reason = f"{normalization.origin} does not know the label"
    unknown = [pair for pair in source.pairs if pair.label not in labels]
    skipped = source.skipped + tuple(
        Skipped(f"{pair.split}/{pair.id}", f"{reason} {pair.label}") for pair in unknown
    )
    if len(unknown) == len(source.pairs):
        raise UserError(
            f"{source.root} holds no pair of the labels {', '.join(labels)}; skipped:"
            f" {len(skipped)}{first_reasons(skipped)}."
        )
    shards = tuple(
        shard for split in SPLITS for shard in _shards_of(split, source.pairs, labels, config)
    )
    links: list[Skipped] = []
    others = {}
    if not source.spectrograms:
        others = find_other_sounds(
            source.root, config, lambda what, why: links.append(Skipped(what, why))
        )
    skipped += tuple(links)
    digest = _digest(source.root, shards, skipped, config, others, normalization)
    return Plan(source, config, labels, shards, skipped, digest, others, normalization)


def _in_labels_of(normalization: Normalization, source: Source) -> Source:
    """``source`` in the model's spelling of labels, as ``--label`` takes them."""
    names: dict[str, str] = {}
    for label in sorted({pair.label for pair in source.pairs}):
        try:
            names[label] = normalization.labels[label_index(label, normalization.labels)]
        except UserError:
            names[label] = label
    pairs = numbered(replace(pair, label=names[pair.label]) for pair in source.pairs)
    renamed = [f"{label} is {name}" for label, name in names.items() if label != name]
    notes = (
        f"labels, normalization and settings are those of {normalization.origin}",
        *([f"labels of {normalization.origin}: {', '.join(renamed)}"] if renamed else []),
    )
    ordered = tuple(in_key_order(pairs))
    return replace(source, pairs=ordered, notes=(*source.notes, *notes))


def check_unchanged(plan: Plan) -> None:
    """Check that the files are still those that were planned, once all of them have been read.

    Otherwise records of old and new files would stand under one hash that describes neither.

    Raises:
        UserError: a file was written, replaced or removed meanwhile.
    """
    planned = plan.shards, plan.skipped, plan.config, plan.other_sounds, plan.normalization
    if _digest(plan.source.root, *planned) != plan.digest:
        raise UserError(
            f"files in {plan.source.root} changed while they were read: run the same command"
            " again when nothing writes there."
        )


def _shards_of(
    split: str, pairs: tuple[Pair, ...], labels: tuple[str, ...], config: Config
) -> list[PlannedShard]:
    mixed = sorted(
        (pair for pair in pairs if pair.split == split and pair.label in labels),
        key=lambda pair: hash_order(pair.id),
    )
    size = config.data.records_per_shard
    parts = [tuple(mixed[start : start + size]) for start in range(0, len(mixed), size)]
    return [
        PlannedShard(f"{split}-{index:05d}-of-{len(parts):05d}.tfrecord", split, part)
        for index, part in enumerate(parts)
    ]


def _digest(
    root: Path,
    shards: tuple[PlannedShard, ...],
    skipped: tuple[Skipped, ...],
    config: Config,
    other_sounds: dict[str, list[Path]],
    normalization: Normalization | None,
) -> str:
    settings: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "audio": config.audio.model_dump(),
        "image_size": config.data.image_size,
        "records_per_shard": config.data.records_per_shard,
        "drop_silent": config.data.drop_silent,
        # Only where it was set: data sets from before the setting stay what they are.
        **({} if config.data.image_fit == "squeeze" else {"image_fit": config.data.image_fit}),
        "skipped": [asdict(item) for item in skipped],
    }
    if normalization is not None:
        settings["labels"] = normalization.labels
        settings["statistics"] = normalization.statistics.to_json()
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for shard in shards:
        for pair in shard.pairs:
            row = [
                *pair.key,
                pair.player,
                pair.source,
                pair.midi,
                pair.offset_ms,
                pair.frame_ms,
                *pair.strip,
            ]
            row += [*_state(pair.audio, root), *_state(pair.image, root)]
            row += [pair.serial] if pair.serial else []
            digest.update(json.dumps(row).encode())
    for split, files in other_sounds.items():
        digest.update(json.dumps([split, [_state(file, root) for file in files]]).encode())
    return digest.hexdigest()


def _state(path: Path, root: Path) -> tuple[str, int, int]:
    """Name, size and time of change; a file that has gone is found out when it is decoded."""
    name = path.relative_to(root).as_posix()
    try:
        status = path.stat()
    except OSError:
        return name, -1, -1
    return name, status.st_size, status.st_mtime_ns


class ShardReport(BaseModel):
    """What is in a finished shard, by label, and the plan that it belongs to.

    ``bands`` are the ``BandSums`` over its log-mels, as plain values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: str
    split: str
    shard: Shard
    counts: dict[str, int]
    silent: dict[str, int]
    noise_like: dict[str, int]
    padded: dict[str, int]
    dropped_silent: dict[str, int]
    recordings: dict[str, tuple[str, ...]]
    players: dict[str, tuple[str, ...]]
    skipped: tuple[Skipped, ...]
    mended: tuple[Skipped, ...] = ()
    bands: dict[str, Any]


def write_report(folder: Path, report: ShardReport) -> None:
    """Write ``report`` beside its shard in ``folder``, after the shard itself."""
    write_json(_path(folder, report.shard.name), report.model_dump(mode="json"))


def finished_shards(folder: Path, plan: Plan) -> dict[str, ShardReport]:
    """Reports, by name, on the shards in ``folder`` that are whole and of ``plan``."""
    found = {planned.name: finished_shard(folder, planned, plan.digest) for planned in plan.shards}
    return {name: report for name, report in found.items() if report is not None}


def finished_shard(folder: Path, planned: PlannedShard, digest: str) -> ShardReport | None:
    """The report on ``planned`` if it is in ``folder``, whole, and of the plan of that digest."""
    report = read_report(folder, planned, digest)
    try:
        whole = report is not None and file_hash(folder / planned.name) == report.shard.sha256
    except OSError:
        return None
    return report if whole else None


def read_report(folder: Path, planned: PlannedShard, digest: str) -> ShardReport | None:
    """The report on ``planned``, as far as it is of that plan; the shard itself is not read."""
    try:
        report = ShardReport.model_validate_json(_path(folder, planned.name).read_bytes())
    except (OSError, ValidationError):
        return None
    return report if report.plan == digest else None


def clear(folder: Path, keep: dict[str, ShardReport], keep_file: str) -> None:
    """Remove what earlier runs left in ``folder``, but for ``keep`` and the file ``keep_file``."""
    kept = {keep_file, *keep, *(_path(folder, name).name for name in keep)}
    for path in folder.iterdir():
        if path.name not in kept and path.is_file():
            path.unlink()


def remove_reports(folder: Path) -> None:
    """Remove the reports from a finished data set: its description holds all of them."""
    for path in folder.glob(_path(folder, "*").name):
        path.unlink(missing_ok=True)


def _path(folder: Path, shard_name: str) -> Path:
    return folder / f".{shard_name}.json"


class ShardWork(BaseModel):
    """A planned shard with the parts of the plan that writing it needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    labels: tuple[str, ...]
    config: Config
    spectrograms: bool
    name: str
    split: str
    pairs: tuple[Pair, ...]


def chunks_of(planned: PlannedShard, config: Config, spectrograms: bool) -> list[Chunk]:
    """The pairs of a shard in chunks, each decoded by one process."""
    return [
        Chunk(
            planned.pairs[start : start + CHUNK_PAIRS],
            config.audio,
            config.data.image_size,
            config.data.image_fit,
            spectrograms=spectrograms,
            drop_silent=config.data.drop_silent,
        )
        for start in range(0, len(planned.pairs), CHUNK_PAIRS)
    ]


def write_work(folder: Path, planned: PlannedShard, plan: Plan) -> Path:
    """Write the work file of ``planned`` to ``folder``; returns its path."""
    work = ShardWork(
        digest=plan.digest,
        labels=plan.labels,
        config=plan.config,
        spectrograms=plan.source.spectrograms,
        name=planned.name,
        split=planned.split,
        pairs=planned.pairs,
    )
    file = folder / f".{planned.name}.work.json"
    write_atomically(file, work.model_dump_json().encode())
    return file


def do_work(file: str) -> str:
    """Write the shard that ``file`` describes beside it, with its report; returns its name.

    Idempotent and safe to run concurrently; a complete shard is kept.
    """
    # Only here: TensorFlow takes seconds to import.
    from cargan_tf.data.preprocessing.shards import write_shard

    path = to_path(file)
    work = ShardWork.model_validate_json(path.read_bytes())
    pairs = tuple(_with_true_paths(work.pairs))
    planned = PlannedShard(work.name, work.split, pairs)
    if finished_shard(path.parent, planned, work.digest) is None:
        chunks = chunks_of(planned, work.config, work.spectrograms)
        write_shard(path.parent, planned, work, map(extract, chunks))
    return work.name


def _with_true_paths(pairs: tuple[Pair, ...]) -> Iterator[Pair]:
    """JSON gave back plain paths, also for ``gs://``."""
    for pair in pairs:
        yield replace(pair, audio=to_path(pair.audio), image=to_path(pair.image))
