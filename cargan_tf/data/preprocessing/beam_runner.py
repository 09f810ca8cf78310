"""The shards of a plan, written by the workers of any Apache Beam runner.

A shard is the unit of work: it depends on the plan alone, so it has the same bytes whoever writes
it, and however often a runner tries. Through Beam go only the names of files that say what to do;
the shards themselves are written to the folder, which all workers must reach.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.data.preprocessing.plan import (
    Plan,
    PlannedShard,
    ShardReport,
    do_work,
    read_report,
    write_work,
)
from cargan_tf.errors import UserError, counted, install_hint
from cargan_tf.utils.progress import Reporter

#: By default the workers' own log is hidden, as it is of no use to the user.
_QUIET = "--default_sdk_harness_log_level=ERROR"

#: Logs a traceback of what is raised as well.
_TRACEBACKS = "apache_beam.runners.common"

#: Said at the import by Beam's root logger, of Google's BigQuery, which has no part in this.
_OF_BIGQUERY = "apitools not found"

#: The end of a Beam error is what a worker said last.
_REASON_LENGTH = 300


@dataclass(frozen=True)
class BeamJob:
    """A runner and its options.

    Attributes:
        runner: its name, such as ``DirectRunner``, ``FlinkRunner``, ``SparkRunner`` or
            ``DataflowRunner``, as Beam spells it.
        options: of Beam and of the runner, ``KEY=VALUE`` or ``KEY``, without dashes.
    """

    runner: str
    options: tuple[str, ...] = ()

    def flags(self) -> list[str]:
        """The options as Beam parses them."""
        return [_QUIET, *(f"--{option.lstrip('-')}" for option in self.options)]


def check_beam() -> None:
    """Check that Apache Beam is installed.

    Raises:
        UserError: it is not; names what to install.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(f"Apache Beam is not installed: {install_hint('beam')}.")


def write_by_beam(
    missing: Sequence[PlannedShard], plan: Plan, folder: Path, job: BeamJob, reporter: Reporter
) -> dict[str, ShardReport]:
    """Write the shards ``missing`` of ``plan`` to ``folder``; returns their reports by name.

    Raises:
        UserError: Beam knows no such runner, the job failed, or its workers wrote somewhere else.
    """
    if not missing:
        return {}
    files = [str(write_work(folder, planned, plan)) for planned in missing]
    pairs = sum(len(planned.pairs) for planned in missing)
    reporter.message(f"{counted(len(files), 'shard')} for {job.runner}")
    with reporter.task("Preprocessing", pairs) as task:
        _run(files, job)
        task.advance(pairs)
    reports = {planned.name: read_report(folder, planned, plan.digest) for planned in missing}
    lost = [name for name, report in reports.items() if report is None]
    if lost:
        raise UserError(
            f"the job ended, and {len(lost)} of {len(files)} shards are not in {folder}: its"
            " workers must reach the same folders as this process, on a shared disk or as gs://."
        )
    return {name: report for name, report in reports.items() if report is not None}


def _run(files: list[str], job: BeamJob) -> None:
    root = logging.getLogger()
    root.addFilter(_says_something)
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    finally:
        root.removeFilter(_says_something)
    logging.getLogger(_TRACEBACKS).setLevel(logging.CRITICAL)
    try:
        pipeline = beam.Pipeline(runner=job.runner, options=PipelineOptions(job.flags()))
    except (ValueError, ImportError) as error:
        raise UserError(f"Beam cannot use {job.runner}: {_reason(error)}") from error
    # Without the reshuffle a runner may give all files, which are one small input, to one worker.
    shards = pipeline | "Shards" >> beam.Create(files) | "Spread" >> beam.Reshuffle()
    _ = shards | "Write" >> beam.Map(do_work)
    try:
        pipeline.run().wait_until_finish()
    # Whatever a runner raises: each has errors of its own, and many are bare RuntimeErrors.
    except Exception as error:
        raise UserError(
            f"the {job.runner} job failed: {_reason(error)} Run the same command again; finished"
            " shards are kept."
        ) from error


def _says_something(record: logging.LogRecord) -> bool:
    return _OF_BIGQUERY not in record.getMessage()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    shown = text if len(text) <= _REASON_LENGTH else f"…{text[-_REASON_LENGTH:]}"
    return shown if shown.endswith(".") else f"{shown}."
