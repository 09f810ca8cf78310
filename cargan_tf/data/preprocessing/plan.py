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

from cargan_tf.config import Config
from cargan_tf.data.dataset import FORMAT_VERSION, Shard
from cargan_tf.data.other_sounds import find_other_sounds
from cargan_tf.data.pairs import SPLITS, Pair, Skipped, Source
from cargan_tf.data.preprocessing.worker import Chunk, extract
from cargan_tf.data.sources.detection import first_reasons
from cargan_tf.data.splits import hash_order
from cargan_tf.errors import UserError
from cargan_tf.labels import check_labels
from cargan_tf.utils.files import file_hash, write_atomically, write_json
from cargan_tf.utils.remote import to_path

#: Pairs read at a time. Fixed: the order in which numbers are summed, and with it their last bits,
#: must not depend on the number of workers. 64 images of 256 pixels are 13 MB.
CHUNK_PAIRS = 64


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
        labels: classes of the training split, sorted.
        shards: every file, training first.
        skipped: what falls away before decoding.
        digest: equal for equal plans: settings, pairs, and sizes and times of their files.
        other_sounds: files with sounds of none of the labels, by split.
    """

    source: Source
    config: Config
    labels: tuple[str, ...]
    shards: tuple[PlannedShard, ...]
    skipped: tuple[Skipped, ...]
    digest: str
    other_sounds: dict[str, list[Path]] = field(default_factory=dict)


def make_plan(source: Source, config: Config) -> Plan:
    """Deal the pairs of each split out to shards, mixed so that no shard is of one class.

    A label that no training pair has cannot be learned: its pairs are skipped.

    Raises:
        UserError: there is no training pair, or a label is no name.
    """
    labels = tuple(sorted({pair.label for pair in source.pairs if pair.split == "train"}))
    if not labels:
        raise UserError(
            f"{source.root} holds {len(source.pairs)} pairs, none of them in the split 'train';"
            f" skipped: {len(source.skipped)}{first_reasons(source.skipped)}."
        )
    check_labels(labels, str(source.root))
    unknown = [pair for pair in source.pairs if pair.label not in labels]
    skipped = source.skipped + tuple(
        Skipped(f"{pair.split}/{pair.id}", f"no training pair has the label {pair.label}")
        for pair in unknown
    )
    shards = tuple(
        shard for split in SPLITS for shard in _shards_of(split, source.pairs, labels, config)
    )
    others = {} if source.spectrograms else find_other_sounds(source.root, config)
    digest = _digest(source.root, shards, skipped, config, others)
    return Plan(source, config, labels, shards, skipped, digest, others)


def check_unchanged(plan: Plan) -> None:
    """That the files are still those that were planned, once all of them have been read.

    Otherwise records of old and new files would stand under one hash that describes neither.

    Raises:
        UserError: a file was written, replaced or removed meanwhile.
    """
    planned = plan.shards, plan.skipped, plan.config, plan.other_sounds
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
) -> str:
    settings = {
        "format": FORMAT_VERSION,
        "audio": config.audio.model_dump(),
        "image_size": config.data.image_size,
        "records_per_shard": config.data.records_per_shard,
        "drop_silent": config.data.drop_silent,
        "skipped": [asdict(item) for item in skipped],
    }
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


def clear(folder: Path, keep: dict[str, ShardReport], also: str) -> None:
    """Remove what earlier runs left in ``folder``, but for ``keep`` and the file ``also``."""
    kept = {also, *keep, *(_path(folder, name).name for name in keep)}
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

    Done twice, at once or again, it gives the same bytes; a shard that is whole is left alone.
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
