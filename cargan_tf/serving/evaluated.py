"""What an evaluation found out about a run, for the card of its export."""

from __future__ import annotations

import json
from pathlib import Path

from cargan_tf.errors import UserError
from cargan_tf.evaluation.report import FOLDER, REFINED, REPORT_FILE, Report


def figures_of(run: Path, step: int) -> dict[str, dict[str, float]] | None:
    """The figures of the refined pictures, by split and metric.

    Args:
        run: directory of the run.
        step: of the checkpoint that is exported; a report on another one does not count.

    Raises:
        UserError: the report is damaged.
    """
    file = run / FOLDER / REPORT_FILE
    try:
        report = Report.from_json(json.loads(file.read_text("utf-8")), str(file))
    except FileNotFoundError:
        return None
    except ValueError as error:  # no JSON
        raise UserError(f"{file} is damaged: evaluate the run again, or remove it.") from error
    if report.origin.step != step:
        return None
    return {
        split.split: {name: figure.value for name, figure in split.row(REFINED).figures.items()}
        for split in report.splits
    }
