"""What stands beside a finished shard, so that a later run can take the shard up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cargan_tf.data.dataset import Shard
from cargan_tf.data.pairs import LeftOut
from cargan_tf.data.plan import Plan, PlannedShard
from cargan_tf.files import file_hash, write_json


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
    players: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
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
