"""Reproduce the paper's tables from a data set; finished runs and evaluations are reused.

Nothing here imports TensorFlow but the work itself, so that the process that waits stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cargan_tf.config import Config, config_from_json, config_hash, overlay, override
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, check_fits, load_dataset
from cargan_tf.data.pairs import SPLITS
from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.report import (
    DEFAULT_FEATURES,
    FOLDER,
    PAGE_FILE,
    REPORT_FILE,
    Limits,
    Report,
)
from cargan_tf.evaluation.reproduce.measured_table import (
    Measured,
    MeasuredTable,
    RunNote,
    TableProvenance,
    measured_table,
)
from cargan_tf.evaluation.reproduce.paper_tables import PaperRow, PaperTable, paper_table
from cargan_tf.evaluation.reproduce.rendering import to_markdown, write_table_html
from cargan_tf.training.run import Run
from cargan_tf.utils.files import file_hash, read_json, write_atomically, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.subprocesses import run_in_subprocess

#: Under the output folder: what everything in it was made from, and the runs.
PROVENANCE_FILE, RUNS = "reproduction.json", "runs"


@dataclass(frozen=True)
class Experiment:
    """A configuration with its seed, and where its run is."""

    config: Config
    run: Run

    @classmethod
    def of(cls, base: Config, source: str, seed: int, folder: Path) -> Experiment:
        """``source`` laid over ``base``, as the run ``folder/<source>/seed-<seed>``."""
        config = override(overlay(base, source), [f"training.seed={seed}"])
        return cls(config, Run(folder / source.replace("/", "-") / f"seed-{seed}"))

    def report(self, dataset: DatasetInfo) -> Report | None:
        """Its evaluation after the last step, if there is one."""
        file = self.run.path / FOLDER / REPORT_FILE
        try:
            report = Report.from_json(read_json(file), str(file))
        except (FileNotFoundError, ValueError, UserError):
            return None  # not there yet, damaged, or of an older version: it is made anew
        return (
            report
            if report.provenance.step == dataset.training_steps(self.config.training)
            else None
        )

    def training_seconds(self) -> float:
        """Time spent in steps, however often the run was interrupted."""
        seconds, done = 0.0, 0
        for values in self.run.read_stats():
            if values["kind"] == "training":
                images = (values["step"] - done) * self.config.training.batch_size
                seconds += images / values["images_per_second"]
                done = values["step"]
        return seconds


@dataclass(frozen=True)
class ExperimentRunner:
    """The settings common to all experiments of a call.

    Attributes:
        data: the data set's folder.
        data_hash: SHA-256 of its description.
        splits: that are measured: those of all tables, as they share the runs.
        metrics: names of those that the table shows.
        weights: hash of each network of the newest evaluation; they may be trained again.
        gpus: devices of each training; see ``make_strategy``.
        features: the feature network of FID, KID and IS; the evaluation's own choice by default.
        prepare: called first in every process.
        reporter: receives progress.
    """

    data: Path
    data_hash: str
    splits: tuple[str, ...]
    metrics: frozenset[str]
    weights: dict[str, str]
    gpus: int | None
    features: str | None
    prepare: Callable[[], object] | None
    reporter: Reporter

    def train_classifier(self, config: Config) -> None:
        """Train C unless there is one like this."""
        self._in_subprocess(_train_classifier, self.data, config)

    def train(self, experiment: Experiment) -> None:
        """Train it from where it is to its last step."""
        self._in_subprocess(_train, experiment.run.path, self.data, experiment.config, self.gpus)

    def evaluate(self, experiment: Experiment) -> None:
        """Measure it; write report, page and some images into its run."""
        self._in_subprocess(_evaluate, experiment.run.path, self.data, self.splits, self.features)

    def check_training(self, experiment: Experiment) -> None:
        """Check that a run that has begun is of this configuration and data.

        Raises:
            UserError: it is of others.
        """
        run = experiment.run
        if not run.exists():
            return
        info = run.read_info()
        for what, found, wanted in (
            ("configuration", config_hash(info.config), config_hash(experiment.config)),
            ("data set", info.data_hash, self.data_hash),
        ):
            if found != wanted:
                raise UserError(
                    f"{run.path} was trained with another {what} ({found[:12]}, not"
                    f" {wanted[:12]}): remove it, or choose another folder with --out."
                )

    def mismatch(self, experiment: Experiment, report: Report) -> str | None:
        """What sets an evaluation apart from those of this table; ``None`` if nothing does."""
        made, names = report.provenance, {info.name for info in report.metrics}
        agreed = {
            "feature network": made.features == (self.features or DEFAULT_FEATURES),
            "configuration": made.config_hash == config_hash(experiment.config),
            "data set": self.data_hash == made.data_hash == made.trained_on_data_hash,
            "number of clips or seed": made.limits == Limits(),
            "choice of splits": {one.split for one in report.splits} >= set(self.splits),
            "choice of metrics": names >= self.metrics,
            "evaluator": all(
                weights == self.weights.get(name, weights)
                for name, weights in weights_of(report).items()
            ),
        }
        return next((what for what, same in agreed.items() if not same), None)

    def _in_subprocess(self, work: Callable[..., None], *arguments: object) -> None:
        run_in_subprocess(work, *arguments, reporter=self.reporter, prepare=self.prepare)


def weights_of(report: Report) -> dict[str, str]:
    """Hashes of the networks' weights by their names, but for C, which is the run's own."""
    own = "classifier"
    return {one.name: one.weights_hash for one in report.networks if one.name != own}


def _train_classifier(data: Path, config: Config, reporter: Reporter) -> None:
    from cargan_tf.training.classifiers.train_classifier import has_classifier, train_classifier

    if not has_classifier(data, config):
        train_classifier(data, config, reporter=reporter)


def _train(run: Path, data: Path, config: Config, gpus: int | None, reporter: Reporter) -> None:
    from cargan_tf.training.distribution import make_strategy
    from cargan_tf.training.trainer import Trainer

    begun = Run(run).exists()
    Trainer(Run(run), data, config, make_strategy(gpus), resume=begun, reporter=reporter).train()


def _evaluate(
    run: Path, data: Path, splits: Sequence[str], features: str | None, reporter: Reporter
) -> None:
    from cargan_tf.evaluation.evaluate import evaluate_run
    from cargan_tf.evaluation.html.image_strips import comparison_file, save_comparison
    from cargan_tf.evaluation.html.report_page import write_html

    report, generated = evaluate_run(Run(run), data, splits, features=features, reporter=reporter)
    write_html(report, generated, Run(run), run / FOLDER / PAGE_FILE)
    for split in report.splits:
        file = comparison_file(run, split.split)
        save_comparison(split, generated[split.split], report.provenance.limits.seed, file)


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
    ``out/runs`` and shared by the tables. Killed at any moment, the same call continues: finished
    runs are skipped, an unfinished one resumes from its checkpoint. A finished run is evaluated
    again where its evaluation is not like those of this call: by another feature network, of
    another configuration or data set, of other clips, splits or metrics. ``out/<name>.json``,
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
        reporter: receives progress.

    Raises:
        UserError: an unknown table or row, a data set without the split that the table is of,
            ``out`` or a run in it was begun with another configuration or data set, ``out`` is in
            use, or a stage fails.
    """
    reporter = reporter or SilentReporter()
    table = paper_table(name)
    wanted = {row.overlay for row in _wanted(table, only)}
    dataset = load_dataset(data)
    check_fits(dataset, config)
    held_out, data_hash = _held_out(table, dataset, data), file_hash(data / DATASET_FILE)
    splits = tuple(split for split in SPLITS if dataset.records(split))
    metrics = frozenset(column.metric for column in table.columns)
    chosen = range(config.training.seed, config.training.seed + seeds)
    provenance = TableProvenance(config.name, str(data), data_hash, held_out, tuple(chosen))
    with _alone_in(out):
        _check_provenance(out, config, data)
        plan = [
            (overlay, Experiment.of(config, overlay, seed, out / RUNS))
            for seed in chosen  # all rows of one seed first, so that a table is there early
            for overlay in dict.fromkeys(row.overlay for row in table.rows)
        ]
        reports = [experiment.report(dataset) for _, experiment in plan]
        dated = [report for report in reports if report is not None]
        newest = max(dated, key=lambda report: report.provenance.date, default=None)
        weights = {} if newest is None else weights_of(newest)
        runner = ExperimentRunner(
            data, data_hash, splits, metrics, weights, gpus, features, prepare, reporter
        )
        plan = [
            (overlay, experiment)
            for overlay, experiment in plan
            if overlay in wanted or _is_comparable(experiment, dataset, runner)
        ]
        for _, experiment in plan:
            runner.check_training(experiment)
        if any(experiment.report(dataset) is None for _, experiment in plan):
            runner.train_classifier(config)
        measured: dict[str, list[Measured]] = {}
        for position, (overlay, experiment) in enumerate(plan, 1):
            reporter.message(f"{position} of {len(plan)}: {experiment.run.path}")
            again = evaluate_again and overlay in wanted
            one = _measured(experiment, dataset, runner, again)
            measured.setdefault(overlay, []).append(one)
            result = measured_table(table, measured, provenance)
            write_json(out / f"{name}.json", result.to_json())
            write_atomically(out / f"{name}.md", to_markdown(result).encode())
            write_table_html(result, out / f"{name}.html")
    return result


def _measured(
    experiment: Experiment, dataset: DatasetInfo, runner: ExperimentRunner, again: bool
) -> Measured:
    """The evaluation of a finished run; whatever is missing is done first."""
    report = experiment.report(dataset)
    if report is None:
        runner.train(experiment)
    elif (what := runner.mismatch(experiment, report)) is not None:
        runner.reporter.message(f"Evaluating again: it was evaluated with another {what}")
        again = True
    if report is None or again:
        runner.evaluate(experiment)
        report = experiment.report(dataset)
    if report is None:
        raise RuntimeError(f"{experiment.run.path} was evaluated, but not at its last step")
    runner.weights.update(weights_of(report))
    if (what := runner.mismatch(experiment, report)) is not None:
        raise RuntimeError(f"{experiment.run.path} was evaluated, but with another {what}")
    note = RunNote(
        path=str(experiment.run.path),
        seed=experiment.config.training.seed,
        step=report.provenance.step,
        training_seconds=experiment.training_seconds(),
        config_hash=report.provenance.config_hash,
        checkpoint_hash=report.provenance.checkpoint_hash,
    )
    return Measured(report, note)


def _is_comparable(experiment: Experiment, dataset: DatasetInfo, runner: ExperimentRunner) -> bool:
    """Whether a row that was not asked for can be shown as it is; if not, why."""
    report = experiment.report(dataset)
    if report is None:
        return False
    what = runner.mismatch(experiment, report)
    if what is not None:
        runner.reporter.message(
            f"Not shown: {experiment.run.path} was evaluated with another {what}"
        )
    return what is None


def _wanted(table: PaperTable, only: Sequence[str]) -> list[PaperRow]:
    names = [row.name for row in table.rows]
    for name in only:
        if name not in names:
            raise UserError(
                f"{table.name} has no row {name!r}; its rows are {', '.join(names)}."
                f"{did_you_mean(name, names)}"
            )
    return [row for row in table.rows if not only or row.name in only]


def _held_out(table: PaperTable, dataset: DatasetInfo, data: Path) -> str:
    """The data's own name of the split that the table is of."""
    if dataset.records(table.held_out):
        return table.held_out
    if table.held_out == "validation":
        raise UserError(
            f"{data} has no validation split, by which options are chosen: a choice by the test"
            " split would flatter what is chosen. Preprocess data with a validation split"
            " (data.validation_fraction)."
        )
    name = dataset.held_out_split
    if name is None:
        raise UserError(
            f"{data} has only a training split, and the tables are of other images. Preprocess"
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


def _check_provenance(out: Path, config: Config, data: Path) -> None:
    """All in one folder must be made from one configuration and one data set."""
    file, data_hash = out / PROVENANCE_FILE, file_hash(data / DATASET_FILE)
    if not file.exists():
        write_json(file, {"config": config.model_dump(mode="json"), "data_hash": data_hash})
        return
    try:
        before = read_json(file)
        same_data = before["data_hash"] == data_hash
        same_config = config_from_json(before["config"], str(file)) == config
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged; choose another folder with --out.") from error
    if not (same_data and same_config):
        other = "configuration" if same_data else "data set"
        raise UserError(
            f"{out} was started with another {other}; use that one, or choose another folder"
            " with --out."
        )
