"""Preprocess a source of pairs into TFRecord shards and ``dataset.json``."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config
from cargan_tf.data.dataset import (
    DATASET_FILE,
    FORMAT_VERSION,
    MAX_NAMED,
    Counts,
    DatasetInfo,
    Shard,
    load_dataset,
)
from cargan_tf.data.other_sounds import write_other_sounds
from cargan_tf.data.pairs import SPLITS, Skipped, with_frames
from cargan_tf.data.preprocessing.beam_runner import BeamJob, check_beam, write_by_beam
from cargan_tf.data.preprocessing.plan import (
    Normalization,
    Plan,
    PlannedShard,
    ShardReport,
    check_unchanged,
    chunks_of,
    clear,
    finished_shards,
    make_plan,
    remove_reports,
)
from cargan_tf.data.preprocessing.worker import ExtractedPairs, extracting
from cargan_tf.data.reference_spectrograms import audio_settings_for
from cargan_tf.data.sources.detection import find_source, first_reasons
from cargan_tf.data.splits import all_in_test, leaks, with_splits
from cargan_tf.errors import UserError, one_line
from cargan_tf.utils.files import is_disk_full, is_remote, to_path, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter, Task
from cargan_tf.utils.subprocesses import default_workers

#: A process takes as long to start as these many chunks take to prepare; fewer are not worth one.
_CHUNKS_PER_WORKER = 4
_LOCK_NAME = ".lock"
_SILENT = SilentReporter()


def build_metadata(
    plan: Plan,
    reports: list[ShardReport],
    statistics: BandStatistics,
    other_sounds: dict[str, Shard] | None = None,
    skipped: Iterable[Skipped] = (),
) -> DatasetInfo:
    """The metadata of the data set whose shards ``reports`` describe, in the order of the plan."""
    splits = [split for split in SPLITS if any(report.split == split for report in reports)]

    def by_split(name: str) -> Counts:
        counts: Counts = {split: dict.fromkeys(plan.labels, 0) for split in splits}
        for report in reports:
            for label, count in getattr(report, name).items():
                counts[report.split][label] += count
        return counts

    left_out = [*plan.skipped, *(item for report in reports for item in report.skipped), *skipped]
    mended = [item for report in reports for item in report.mended]
    notes = [one_line(note) for note in plan.source.notes]
    for items, what in ((left_out, "skipped"), (mended, "repaired")):
        if len(items) > MAX_NAMED:  # a file that names all may be too large to be read again
            notes.append(f"{len(items):,} items were {what}; the first {MAX_NAMED:,} are named")
    return DatasetInfo(
        format_version=FORMAT_VERSION,
        labels=plan.labels,
        players=_players(reports),
        counts=by_split("counts"),
        recordings={split: _recordings(reports, split) for split in splits},
        silent=by_split("silent"),
        noise_like=by_split("noise_like"),
        padded=by_split("padded"),
        dropped_silent=by_split("dropped_silent"),
        skipped=tuple(left_out[:MAX_NAMED]),
        mended=tuple(mended[:MAX_NAMED]),
        shared_recordings=plan.source.shared_recordings(),
        config=plan.config,
        statistics=statistics,
        shards={
            split: tuple(report.shard for report in reports if report.split == split)
            for split in splits
        },
        other_sounds=other_sounds or {},
        source=one_line(plan.source.root),
        source_kind=plan.source.kind,
        notes=tuple(notes),
        plan=plan.digest,
    )


def _players(reports: Sequence[ShardReport]) -> dict[str, tuple[str, ...]]:
    """Names of the players by label, sorted."""
    names: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        for label, of_label in report.players.items():
            names[label].update(of_label)
    return {label: tuple(sorted(of_label)) for label, of_label in sorted(names.items())}


def _recordings(reports: list[ShardReport], split: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for report in reports:
        if report.split == split:
            for label, names in report.recordings.items():
                found.setdefault(label, set()).update(names)
    return {label: tuple(sorted(names)) for label, names in sorted(found.items())}


def preprocess(
    source: Path,
    out: Path,
    config: Config,
    *,
    format: str | None = None,
    workers: int | None = None,
    job: BeamJob | None = None,
    normalization: Normalization | None = None,
    reporter: Reporter = _SILENT,
) -> DatasetInfo:
    """Make a data set in the folder ``out`` from the pairs at ``source``.

    The result is the same, byte for byte, for any number of workers and however often the work
    was interrupted. If ``out`` already holds it, nothing is done. A pair that cannot be read is
    skipped and named in the data set's metadata; silent and noise-like clips are counted, and kept
    unless ``data.drop_silent`` says otherwise. Where the source has no splits, recordings are
    dealt out to them.

    Args:
        source: whatever :func:`cargan_tf.data.sources.detection.find_source` understands.
        out: a folder that does not exist, is empty, or holds this very data set.
        config: its ``audio`` and ``data`` sections decide what is written; a source of
            spectrogram images sets the shape and scale of the log-mel itself.
        format: name of the source's format, if it shall not be found out.
        workers: processes; if None, all cores that there is enough work for.
        job: an Apache Beam runner that does the work instead of processes of this machine.
        normalization: of a run or model that is to be measured on the data, which then needs no
            training split; pairs without a split go to the test split.
        reporter: receives progress.

    Raises:
        UserError: no usable training pair, ``out`` holds something else, another process is at
            the same work, files changed while they were read, the disk is full, Beam is not
            installed, or ``job`` failed.
    """
    out = to_path(out).absolute() if is_remote(out) else Path(os.path.abspath(out))
    if workers is not None and workers < 1:
        raise UserError(f"workers must be 1 or more, received {workers}.")
    if job is not None:
        check_beam()
    found = find_source(to_path(source), format, clip_ms=round(1000 * config.audio.clip_seconds))
    config, change = audio_settings_for(found, config)
    found = with_splits(found, config.data) if normalization is None else all_in_test(found)
    clip_ms = round(1000 * config.audio.clip_seconds)
    found = with_frames(found, config.data.frames_per_clip, clip_ms)
    for note in (change, *found.notes, *leaks(found)):
        if note:
            reporter.message(note)
    plan = make_plan(found, config, normalization)
    for note in plan.source.notes[len(found.notes) :]:
        reporter.message(note)
    made = _already_made(out, plan)
    if made is not None:
        _tidy(out)
        return made
    with _disk_errors(out), _locked_work_folder(out) as work:
        made = _already_made(out, plan)  # by a process that held the lock until now
        if made is None:
            made = _make(plan, work, out, workers, job, reporter)
    return made


def _already_made(out: Path, plan: Plan) -> DatasetInfo | None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / DATASET_FILE).is_file():
        if is_remote(out) and _holds_only_shards_of(plan, out):
            return None
        raise UserError(f"{out} exists and is not a data set: choose another folder.")
    info = load_dataset(out)
    if info.plan != plan.digest:
        raise UserError(
            f"{out} holds another data set (other files or other settings): choose another"
            " folder, or delete it first."
        )
    return info


def _holds_only_shards_of(plan: Plan, out: Path) -> bool:
    """Whether an earlier run was at work in the remote folder ``out``."""
    planned = {planned.name for planned in plan.shards}
    return all(path.name in planned or path.name.startswith(".") for path in out.iterdir())


@contextmanager
def _locked_work_folder(out: Path) -> Iterator[Path]:
    """``.<name>.partial`` beside ``out``, for this process alone.

    Elsewhere it is ``out`` itself, not locked: object stores rename no folder and know no locks.
    There a data set is one from the moment that its description is in it, which is written last.
    """
    if is_remote(out):
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    work = out.parent / f".{out.name}.partial"
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work / _LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"another process is preparing {out}: wait for it, or choose another folder."
        ) from error
    try:
        yield work
    finally:
        lock.release()
        if work.is_dir() and {path.name for path in work.iterdir()} <= {_LOCK_NAME}:
            shutil.rmtree(work, ignore_errors=True)  # nothing to take up


@contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise UserError(
                f"the disk that holds {out} is full: free some space and run the same command"
                " again; finished shards are kept."
            ) from error
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from error


def _make(
    plan: Plan,
    work: Path,
    out: Path,
    workers: int | None,
    job: BeamJob | None,
    reporter: Reporter,
) -> DatasetInfo:
    reports = finished_shards(work, plan)
    clear(work, keep=reports, keep_file=_LOCK_NAME)
    if reports:
        reporter.message(f"reusing {len(reports)} of {len(plan.shards)} finished shards")
    missing = [planned for planned in plan.shards if planned.name not in reports]
    if job is None:
        reports |= _write_here(missing, plan, work, workers, reporter)
    else:
        reports |= write_by_beam(missing, plan, work, job, reporter)
    check_unchanged(plan)
    from cargan_tf.data.preprocessing.shards import band_statistics

    ordered = [reports[planned.name] for planned in plan.shards]
    _check_readable(plan, ordered, work)
    if plan.normalization is None:
        training = (report for report in ordered if report.split == "train")
        statistics = band_statistics(training, plan.config.audio)
    else:
        statistics = plan.normalization.statistics
    others, skipped = write_other_sounds(plan.other_sounds, work, plan.config)
    info = build_metadata(plan, ordered, statistics, others, skipped)
    write_json(work / DATASET_FILE, info.model_dump(mode="json"))
    if work != out:
        os.replace(work, out)
    _tidy(out)
    return info


def _tidy(out: Path) -> None:
    """Remove reports and lock file, also those of a killed run."""
    remove_reports(out)
    (out / _LOCK_NAME).unlink(missing_ok=True)


def _write_here(
    missing: list[PlannedShard], plan: Plan, work: Path, workers: int | None, reporter: Reporter
) -> dict[str, ShardReport]:
    """Write the ``missing`` shards to ``work``, by processes of this machine."""
    chunks = [chunks_of(planned, plan.config, plan.source.spectrograms) for planned in missing]
    every = [chunk for own in chunks for chunk in own]
    if workers is None:
        workers = max(1, min(default_workers(), len(every) // _CHUNKS_PER_WORKER))
    reports = {}
    with (
        extracting(every, workers, None if is_remote(work) else work) as results,
        reporter.task("Preprocessing", sum(len(chunk.pairs) for chunk in every)) as task,
    ):
        # TensorFlow takes seconds to import: meanwhile the workers have begun.
        from cargan_tf.data.preprocessing.shards import write_shard

        for planned, own in zip(missing, chunks, strict=True):
            extracted = _watched(islice(results, len(own)), task)
            reports[planned.name] = write_shard(work, planned, plan, extracted)
    return reports


def _watched(chunks: Iterable[ExtractedPairs], task: Task) -> Iterator[ExtractedPairs]:
    for chunk in chunks:
        yield chunk
        task.advance(len(chunk.pairs) + len(chunk.skipped))


def _check_readable(plan: Plan, reports: list[ShardReport], work: Path) -> None:
    """Check that there is a training record; with a model's normalization, any record."""
    any_split = plan.normalization is not None
    needed = [report for report in reports if any_split or report.split == "train"]
    what = "pairs" if any_split else "training pairs"
    if not any(report.shard.records for report in needed):
        skipped = tuple(item for report in needed for item in report.skipped)
        clear(work, keep={}, keep_file=_LOCK_NAME)
        raise UserError(
            f"not one of the {len(skipped)} {what} of {plan.source.root} can be"
            f" read{first_reasons(skipped)}."
        )
