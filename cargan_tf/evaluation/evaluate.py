"""A run's evaluation: draw, look, measure, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.evaluation.drawn import DrawnSplit
from cargan_tf.evaluation.report import Report
from cargan_tf.progress import Reporter
from cargan_tf.training.run import Run

#: Under the run's directory: report.json, and the page that shows it.
FOLDER = "evaluation"
REPORT_FILE, PAGE_FILE = "report.json", "report.html"


@dataclass(frozen=True)
class Limits:
    """How much is measured; where a split has more, a seeded choice, even over the classes.

    Attributes:
        train: pairs of the training split.
        held_out: pairs of any other split.
        seed: of the choice, of the permutations, of halves and subsets.
    """

    train: int = 390
    held_out: int = 5_000
    seed: int = 0


def evaluate_run(
    run: Run,
    data: Path | None = None,
    splits: Sequence[str] = ("train", "test"),
    out: Path | None = None,
    beside: Sequence[Run] = (),
    features: str | None = None,
    metrics: Sequence[str] | None = None,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> tuple[Report, dict[str, DrawnSplit]]:
    """Measure a run's newest checkpoint and write ``report.json``.

    A metric that cannot be measured becomes a line of ``Report.not_measured``; the others are
    measured all the same.

    Args:
        run: made by training, or imported.
        data: the data set; the one that the run was trained on by default.
        splits: what to draw, in this order; one that the data lacks is named as not measured.
        out: folder of the report; ``RUN/evaluation`` by default.
        beside: runs that get a row each, such as one trained with sounds shuffled in the class.
        features: name of the feature network of FID, KID and IS; ``efficientnet-lite0`` by default.
        metrics: names of those wanted; all by default.
        limits: how much is measured.
        reporter: told of each stage.

    Returns:
        The report, and what was drawn by split.

    Raises:
        UserError: no run, no checkpoint, no data, none of the splits, a data set with other
            labels than the run's, or an unknown network or metric.
    """
    raise NotImplementedError
