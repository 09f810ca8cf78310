"""Puts what is known of a finished data set together: the content of its ``dataset.json``."""

from __future__ import annotations

from cargan_tf.audio.statistics import BandStatistics
from cargan_tf.data.dataset import FORMAT_VERSION, Counts, DatasetInfo
from cargan_tf.data.pairs import SPLITS
from cargan_tf.data.plan import Plan
from cargan_tf.data.shard_reports import ShardReport
from cargan_tf.errors import one_line


def describe(plan: Plan, reports: list[ShardReport], statistics: BandStatistics) -> DatasetInfo:
    """The description of the data set of which ``reports`` tell, in the order of the plan."""
    splits = [split for split in SPLITS if any(report.split == split for report in reports)]

    def by_split(name: str) -> Counts:
        counts: Counts = {split: dict.fromkeys(plan.labels, 0) for split in splits}
        for report in reports:
            for label, count in getattr(report, name).items():
                counts[report.split][label] += count
        return counts

    return DatasetInfo(
        format_version=FORMAT_VERSION,
        labels=plan.labels,
        players=tuple(sorted({player for report in reports for player in report.players})),
        counts=by_split("counts"),
        recordings={split: _recordings(reports, split) for split in splits},
        silent=by_split("silent"),
        noise_like=by_split("noise_like"),
        padded=by_split("padded"),
        dropped_silent=by_split("dropped_silent"),
        left_out=plan.left_out + tuple(item for report in reports for item in report.left_out),
        shared_recordings=plan.source.shared_recordings(),
        config=plan.config,
        statistics=statistics,
        shards={
            split: tuple(report.shard for report in reports if report.split == split)
            for split in splits
        },
        source=one_line(plan.source.root),
        source_kind=plan.source.kind,
        notes=plan.source.notes,
        plan=plan.digest,
    )


def _recordings(reports: list[ShardReport], split: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for report in reports:
        if report.split == split:
            for label, names in report.recordings.items():
                found.setdefault(label, set()).update(names)
    return {label: tuple(sorted(names)) for label, names in sorted(found.items())}
