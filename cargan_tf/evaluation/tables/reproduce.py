"""The paper's tables from nothing but a data set; what is finished is taken as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cargan_tf.config import Config, config_from_json
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, check_fits, load_dataset
from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.tables.experiments import Experiment, Laboratory
from cargan_tf.evaluation.tables.html import write_table_html
from cargan_tf.evaluation.tables.measured_table import (
    Measured,
    MeasuredTable,
    RunNote,
    TableOrigin,
    measured_table,
)
from cargan_tf.evaluation.tables.paper_tables import PaperRow, PaperTable, paper_table
from cargan_tf.evaluation.tables.text import to_markdown
from cargan_tf.files import file_hash, write_atomically, write_json
from cargan_tf.progress import Reporter, SilentReporter

#: Under the output folder: what everything in it was made from, and the runs.
ORIGIN_FILE, RUNS = "reproduction.json", "runs"


def reproduce(
    name: str,
    data: Path,
    config: Config,
    out: Path,
    *,
    seeds: int = 1,
    only: Sequence[str] = (),
    gpus: int | None = None,
    features: str | None = None,
    evaluate_again: bool = False,
    prepare: Callable[[], object] | None = None,
    reporter: Reporter | None = None,
) -> MeasuredTable:
    """Train and evaluate what a table of the paper needs, and write the table.

    Each training and each evaluation has a process of its own, one after the other. Runs are in
    ``out/runs`` and shared by the tables. Killed at any moment, the same call goes on: finished
    runs are passed over, one that was begun goes on from its checkpoint. ``out/<name>.json``,
    ``.md`` and ``.html`` are written anew after each evaluation.

    Args:
        name: ``table1``, ``table2`` or ``options``.
        data: a data set made by ``preprocess``; C is trained beside it unless it is there.
        config: the base, over which each row's configuration is laid.
        out: folder of runs and tables.
        seeds: runs of each row, with ``training.seed`` and the numbers after it.
        only: names of the rows to work on; all by default. Others are shown if they are finished.
        gpus: devices of each training; see ``make_strategy``.
        features: the feature network of FID, KID and IS; the evaluation's own choice by default.
        evaluate_again: measure finished runs anew.
        prepare: called first in every process that is started.
        reporter: told of each stage.

    Raises:
        UserError: an unknown table or row, a data set without a held-out split, ``out`` was begun
            with another configuration or data set or is in use, or a stage fails.
    """
    reporter = reporter or SilentReporter()
    table = paper_table(name)
    wanted = {row.overlay for row in _wanted(table, only)}
    dataset = load_dataset(data)
    check_fits(dataset, config)
    held_out = _held_out(dataset, data)
    laboratory = Laboratory(data, held_out, gpus, features, prepare, reporter)
    chosen = range(config.training.seed, config.training.seed + seeds)
    origin = TableOrigin(
        config.name, str(data), file_hash(data / DATASET_FILE), held_out, tuple(chosen)
    )
    with _alone_in(out):
        _check_origin(out, config, data)
        plan = [
            (overlay, Experiment.of(config, overlay, seed, out / RUNS))
            for seed in chosen  # all rows of one seed first, so that a table is there early
            for overlay in dict.fromkeys(row.overlay for row in table.rows)
        ]
        plan = [
            (overlay, experiment)
            for overlay, experiment in plan
            if overlay in wanted or experiment.report(dataset) is not None
        ]
        if any(experiment.report(dataset) is None for _, experiment in plan):
            laboratory.train_classifier(config)
        measured: dict[str, list[Measured]] = {}
        for place, (overlay, experiment) in enumerate(plan, 1):
            reporter.message(f"{place} of {len(plan)}: {experiment.run.path}")
            again = evaluate_again and overlay in wanted
            one = _measured(experiment, dataset, laboratory, again)
            measured.setdefault(overlay, []).append(one)
            result = measured_table(table, measured, origin)
            write_json(out / f"{name}.json", result.to_json())
            write_atomically(out / f"{name}.md", to_markdown(result).encode())
            write_table_html(result, out / f"{name}.html")
    return result


def _measured(
    experiment: Experiment, dataset: DatasetInfo, laboratory: Laboratory, again: bool
) -> Measured:
    """The evaluation of a finished run; whatever is missing is done first."""
    report = experiment.report(dataset)
    if report is None:
        laboratory.train(experiment)
    if report is None or again:
        laboratory.evaluate(experiment)
        report = experiment.report(dataset)
    if report is None:
        raise RuntimeError(f"{experiment.run.path} was evaluated, but not at its last step")
    note = RunNote(
        path=str(experiment.run.path),
        seed=experiment.config.training.seed,
        step=report.origin.step,
        training_seconds=experiment.training_seconds(),
        config_hash=report.origin.config_hash,
        checkpoint_hash=report.origin.checkpoint_hash,
    )
    return Measured(report, note)


def _wanted(table: PaperTable, only: Sequence[str]) -> list[PaperRow]:
    names = [row.name for row in table.rows]
    for name in only:
        if name not in names:
            raise UserError(
                f"{table.name} has no row {name!r}; its rows are {', '.join(names)}."
                f"{did_you_mean(name, names)}"
            )
    return [row for row in table.rows if not only or row.name in only]


def _held_out(dataset: DatasetInfo, data: Path) -> str:
    """The data's own name of the split that the paper calls test."""
    name = "test" if dataset.records("test") else dataset.held_out_split
    if name is None:
        raise UserError(
            f"{data} has only a training split, and the tables are of other pictures. Preprocess"
            " data with a validation or test split."
        )
    return name


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Keep every other call out of the folder; the lock falls with its owner."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise UserError(
            f"{out} is in use by another `cargan reproduce`: wait for it, or choose another folder"
            " with --out."
        ) from error


def _check_origin(out: Path, config: Config, data: Path) -> None:
    """All in one folder must be made from one configuration and one data set."""
    file, data_hash = out / ORIGIN_FILE, file_hash(data / DATASET_FILE)
    if not file.exists():
        write_json(file, {"config": config.model_dump(mode="json"), "data_hash": data_hash})
        return
    try:
        before = json.loads(file.read_text("utf-8"))
        same_data = before["data_hash"] == data_hash
        same_config = config_from_json(before["config"], str(file)) == config
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged; choose another folder with --out.") from error
    if not (same_data and same_config):
        other = "configuration" if same_data else "data set"
        raise UserError(
            f"{out} was begun with another {other}; go on with that one, or choose another folder"
            " with --out."
        )
