"""Writes one shard of records; it gets its final name once complete and flushed."""

from __future__ import annotations

import errno
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import tensorflow as tf

from cargan_tf.audio.normalization import MIN_STD_DB, MIN_STD_UNIT, BandStatistics, BandSums
from cargan_tf.config import AudioConfig, Config
from cargan_tf.data.dataset import Shard
from cargan_tf.data.pairs import Skipped
from cargan_tf.data.preprocessing.plan import PlannedShard, ShardReport, write_report
from cargan_tf.data.preprocessing.worker import ExtractedPairs
from cargan_tf.data.records import serialize
from cargan_tf.utils.files import file_hash, is_remote


class _ShardPlan(Protocol):
    """What a shard is written from: a whole plan, or what a worker knows of it."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def digest(self) -> str: ...

    @property
    def config(self) -> Config: ...


def write_shard(
    folder: Path, planned: PlannedShard, plan: _ShardPlan, chunks: Iterable[ExtractedPairs]
) -> ShardReport:
    """Write the records of ``chunks`` to ``folder``, then the report on them.

    Several processes may write the same shard at once: each its own file, the last one stays.

    Raises:
        OSError: the disk is full (``ENOSPC``) or fails; the unfinished file is removed.
    """
    temporary = folder / f".{planned.name}.{secrets.token_hex(4)}.unfinished"
    tally = _Tally(plan.config.audio.n_mels)
    try:
        with _full_disk_as_os_error(), tf.io.TFRecordWriter(str(temporary)) as writer:
            for chunk in chunks:
                _write_chunk(writer, chunk, plan.labels)
                tally.add(chunk)
        _flush_to_disk(temporary)
        report = tally.report(planned, plan, temporary)
        temporary.replace(folder / planned.name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    write_report(folder, report)
    return report


def band_statistics(reports: Iterable[ShardReport], audio: AudioConfig) -> BandStatistics:
    """Mean and standard deviation of each mel band over all records of the shards reported on.

    They come from the reports, so that it does not matter which run wrote which shard.
    """
    sums = sum((BandSums.from_json(report.bands) for report in reports), BandSums(audio.n_mels))
    min_std = MIN_STD_DB if audio.log_mel_scale == "decibels" else MIN_STD_UNIT
    return sums.statistics(min_std)


class _Tally:
    """Counts what goes into one shard."""

    def __init__(self, n_mels: int) -> None:
        self._bands = BandSums(n_mels)
        self._kept: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        self._noise_like: Counter[str] = Counter()
        self._padded: Counter[str] = Counter()
        self._dropped_silent: Counter[str] = Counter()
        self._recordings: dict[str, set[str]] = defaultdict(set)
        self._players: dict[str, set[str]] = defaultdict(set)
        self._left_out: list[Skipped] = []
        self._mended: list[Skipped] = []

    def add(self, chunk: ExtractedPairs) -> None:
        for pair, quality in zip(chunk.pairs, chunk.qualities, strict=True):
            self._kept[pair.label] += 1
            self._silent[pair.label] += quality.silent
            self._noise_like[pair.label] += quality.noise_like
            self._padded[pair.label] += pair.id in chunk.padded
            self._recordings[pair.label].add(pair.recording)
            if pair.player:
                self._players[pair.label].add(pair.player)
        self._bands.add(chunk.log_mels)
        self._dropped_silent.update(pair.label for pair in chunk.dropped)
        self._left_out += chunk.skipped
        self._mended += chunk.mended

    def report(self, planned: PlannedShard, plan: _ShardPlan, path: Path) -> ShardReport:
        shard = Shard(
            name=planned.name,
            records=self._kept.total(),
            bytes=path.stat().st_size,
            sha256=file_hash(path),
        )
        return ShardReport(
            plan=plan.digest,
            split=planned.split,
            shard=shard,
            counts=_sorted(self._kept),
            silent=_sorted(self._silent),
            noise_like=_sorted(self._noise_like),
            padded=_sorted(self._padded),
            dropped_silent=_sorted(self._dropped_silent),
            recordings=_sorted_names(self._recordings),
            players=_sorted_names(self._players),
            skipped=tuple(self._left_out),
            mended=tuple(self._mended),
            bands=self._bands.to_json(),
        )


def _sorted_names(names: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {label: tuple(sorted(of_label)) for label, of_label in sorted(names.items())}


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items()))


def _write_chunk(
    writer: tf.io.TFRecordWriter, chunk: ExtractedPairs, labels: tuple[str, ...]
) -> None:
    for row, (pair, quality) in enumerate(zip(chunk.pairs, chunk.qualities, strict=True)):
        label = labels.index(pair.label)
        arrays = chunk.log_mels[row], chunk.waveforms[row], chunk.photos[row]
        writer.write(serialize(pair, *arrays, label, quality))


@contextmanager
def _full_disk_as_os_error() -> Iterator[None]:
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _flush_to_disk(path: Path) -> None:
    if is_remote(path):
        return  # it was whole there when it was closed
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
