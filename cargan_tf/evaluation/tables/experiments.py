"""One row's run of a table: trained and evaluated, each in a process of its own.

Nothing here imports TensorFlow but the work itself, so that the process that waits stays small.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.config import Config, overlay, override
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.errors import UserError
from cargan_tf.evaluation.apart import run_apart
from cargan_tf.evaluation.report import FOLDER, PAGE_FILE, REPORT_FILE, Report
from cargan_tf.progress import Reporter
from cargan_tf.training.run import Run


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
            report = Report.from_json(json.loads(file.read_text("utf-8")), str(file))
        except (FileNotFoundError, ValueError, UserError):
            return None  # not there yet, damaged, or of an older version: it is made anew
        return (
            report if report.origin.step == dataset.training_steps(self.config.training) else None
        )

    def training_seconds(self) -> float:
        """Time spent in steps, however often the run was interrupted."""
        seconds, done = 0.0, 0
        for values in self.run.read_stats():
            if values["kind"] == "training":
                pictures = (values["step"] - done) * self.config.training.batch_size
                seconds += pictures / values["pictures_per_second"]
                done = values["step"]
        return seconds


@dataclass(frozen=True)
class Laboratory:
    """What all experiments of a call share.

    Attributes:
        data: the data set's folder.
        held_out: the split that is measured beside the training split.
        gpus: devices of each training; see ``make_strategy``.
        features: the feature network of FID, KID and IS; the evaluation's own choice by default.
        prepare: called first in every process.
        reporter: told of all work.
    """

    data: Path
    held_out: str
    gpus: int | None
    features: str | None
    prepare: Callable[[], object] | None
    reporter: Reporter

    def train_classifier(self, config: Config) -> None:
        """Train C unless there is one like this."""
        self._apart(_train_classifier, self.data, config)

    def train(self, experiment: Experiment) -> None:
        """Train it from where it is to its last step."""
        self._apart(_train, experiment.run.path, self.data, experiment.config, self.gpus)

    def evaluate(self, experiment: Experiment) -> None:
        """Measure it; write report, page and some pictures into its run."""
        splits = ("train", self.held_out)
        self._apart(_evaluate, experiment.run.path, self.data, splits, self.features)

    def _apart(self, work: Callable[..., None], *arguments: object) -> None:
        run_apart(work, *arguments, reporter=self.reporter, prepare=self.prepare)


def _train_classifier(data: Path, config: Config, reporter: Reporter) -> None:
    from cargan_tf.training.classifier import has_classifier, train_classifier

    if not has_classifier(data, config):
        train_classifier(data, config, reporter=reporter)


def _train(run: Path, data: Path, config: Config, gpus: int | None, reporter: Reporter) -> None:
    from cargan_tf.training.devices import make_strategy
    from cargan_tf.training.trainer import Trainer

    begun = Run(run).exists()
    Trainer(Run(run), data, config, make_strategy(gpus), resume=begun, reporter=reporter).train()


def _evaluate(
    run: Path, data: Path, splits: Sequence[str], features: str | None, reporter: Reporter
) -> None:
    from cargan_tf.evaluation.evaluate import evaluate_run
    from cargan_tf.evaluation.page.comparison import FILE, save_comparison
    from cargan_tf.evaluation.page.html import write_html

    report, drawn = evaluate_run(Run(run), data, splits, features=features, reporter=reporter)
    write_html(report, drawn, Run(run), run / FOLDER / PAGE_FILE)
    held_out, seed = splits[-1], report.origin.seed
    save_comparison(report.split(held_out), drawn[held_out], seed, run / FOLDER / FILE)
