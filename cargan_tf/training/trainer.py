"""The training loop: data in, and steps; ``upkeep`` does what comes between them."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf
import yaml

from cargan_tf import __version__
from cargan_tf.config import Config
from cargan_tf.data.dataset import DATASET_FILE, check_fits, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.training.callbacks import (
    RunLogger,
    SilentLogger,
    Throughput,
    UpkeepCallbacks,
    generation_weights,
)
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.classifiers.train_classifier import FOLDER as CLASSIFIER_FOLDER
from cargan_tf.training.classifiers.train_sound_classifier import ensure_sound_classifier
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.distribution import check_devices_suit, check_divisible, distribute_batches
from cargan_tf.training.interruptions import (
    StopRequest,
    defer_signals,
    translate_errors,
    translate_removal,
)
from cargan_tf.training.loss_guard import LossGuard
from cargan_tf.training.run import Run, RunInfo, check_resumable
from cargan_tf.training.steps.build_networks import build_networks
from cargan_tf.training.validation import Validation, class_means
from cargan_tf.training.workers import Workers
from cargan_tf.utils.files import file_hash
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.provenance import describe_provenance, provenance


@dataclass(frozen=True)
class TrainingResult:
    """Where a run ended.

    Attributes:
        step: the last one done and saved.
        conditioning: measured after it; ``None`` without held-out pairs, or where time was up before.
        finished: ``False`` where time was up before the last step.
    """

    step: int
    conditioning: ConditioningMetrics | None
    finished: bool = True


class Trainer:
    """One run from its configuration to its last step.

    Under a strategy of several workers each has a trainer of its own. All do the same steps; the
    chief's alone writes.

    Making it builds networks and optimizers and reads the newest checkpoint of a resumed run;
    ``train`` does the rest.
    """

    def __init__(
        self,
        run: Run,
        data: Path,
        config: Config,
        strategy: tf.distribute.Strategy,
        classifier: Path | None = None,
        resume: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        """Build everything.

        Args:
            run: where it is written.
            data: a data set made by ``preprocess``.
            config: its audio section and image size must be the data set's.
            strategy: see ``make_strategy``; its replicas share each batch.
            classifier: folder of C, where the network has one; ``data/classifier`` by default.
            resume: go on from the newest checkpoint.
            reporter: told of each step.

        Raises:
            UserError: configuration, data, classifier and run do not fit each other.
        """
        self.run, self.data, self.config, self.strategy = run, data, config, strategy
        self.resume = resume
        self.reporter = reporter or SilentReporter()
        self.workers = Workers(strategy)
        self.dataset = load_dataset(data)
        check_fits(self.dataset, config)
        check_divisible(config, strategy.num_replicas_in_sync, self.workers.count)
        check_devices_suit(config.training, strategy)
        self.steps_per_epoch = self.dataset.steps_per_epoch(config.training.batch_size)
        if not resume:
            run.check_free()
        classifier = classifier or data / CLASSIFIER_FOLDER
        data_hash = file_hash(data / DATASET_FILE)
        with self.workers.explain_worker_failure():
            self.workers.check_same(
                {"version": __version__, "configuration": config, "data set": data_hash}
            )
        labels, statistics = self.dataset.labels, self.dataset.statistics
        info = RunInfo(config, labels, statistics, str(data.resolve()), data_hash, None)
        if resume:
            check_resumable(run, info)
        with self.workers.explain_worker_failure():
            built = build_networks(config, self.dataset, strategy, classifier)
        self.network, self.step, self.average = built.network, built.step, built.average
        self.info = replace(info, classifier_accuracy=built.accuracy)
        self.checkpoints = Checkpoints(
            run.checkpoints, self.step, config.training.keep_checkpoints, self.average
        )
        self.start = self.checkpoints.restore() if resume else 0
        with self.workers.explain_worker_failure():
            self.workers.check_same({"checkpoint": f"step {self.start}"})

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, those before a resumption included."""
        return self.dataset.training_steps(self.config.training)

    def describe(self) -> str:
        """The resolved run: configuration, devices, data and sizes of the networks."""
        counts = {split: self.dataset.records(split) for split in self.dataset.shards}
        lines = [
            yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False).rstrip(),
            f"run: {self.run.path}",
            f"data: {self.data} ({', '.join(f'{n} {split}' for split, n in counts.items())} pairs)",
            f"labels: {', '.join(self.dataset.labels)}",
            f"devices: {', '.join(self.strategy.extended.worker_devices)}",
            *([f"workers: {self.workers.count}"] if self.workers.count > 1 else []),
            f"steps: {self.start} done of {self.total_steps}, {self.steps_per_epoch} an epoch",
            *(
                f"{name}: {network.count_params():,} parameters"
                for name, network in self.step.networks().items()
            ),
        ]
        return "\n".join(lines)

    def validation(self, split: str) -> Validation:
        """Pairs of ``split``, to be drawn by the networks; see ``drawing``."""
        means = class_means(self.run, self.dataset, self.data, self.config)
        return Validation.of_split(self.network, self.dataset, self.data, self.config, split, means)

    def drawing(self) -> AbstractContextManager[None]:
        """Within the block the networks have the weights that draw, which may be averaged."""
        return generation_weights(self.average)

    def train(self, max_hours: float | None = None) -> TrainingResult:
        """Run to the last step; write checkpoints, statistics and images on the way.

        Ctrl-C and SIGTERM take effect after the step that is under way, which is saved.

        Args:
            max_hours: save and leave after so long, if the last step is not done by then.

        Raises:
            UserError: the directory is in use or gone, the disk is full, the data set is gone or
                damaged, or a loss is not finite or above ``training.maximum_loss``.
            WorkerFailure: another worker is gone, or was stopped.
        """
        request = StopRequest(max_hours)
        alone = self.run.locked() if self.workers.is_chief else nullcontext()
        with alone, translate_errors(self.data), self.workers.explain_worker_failure():
            monitor = self._begun()
            with defer_signals(request), translate_removal(self.run), closing(monitor):
                return self._loop(monitor, request)

    def _begun(self) -> RunLogger | SilentLogger:
        """The chief writes what stands in the run before its first step; the others wait."""
        if self.workers.is_chief:
            if not self.resume:
                self.run.check_free()
            elif self.checkpoints.changed():
                raise UserError(
                    f"another process trained in {self.run.path} while this one was starting: give"
                    " the command again."
                )
            if not self.run.exists():
                self.run.write_info(self.info)
            devices = self.strategy.extended.worker_devices
            made_with = provenance(self.config.training.seed, devices)
            self.reporter.message(describe_provenance(made_with))
            self.run.add_session(self.start, {**made_with, "workers": self.workers.count})
            ensure_sound_classifier(
                self.data, self.config, self.run.sound_classifier, self.reporter
            )
            monitor = RunLogger(self.run, self._validation(), self.start)
        self.workers.barrier()
        self.workers.check_seen(self.run.path, self.run.exists())
        return monitor if self.workers.is_chief else SilentLogger()

    def _loop(self, monitor: RunLogger | SilentLogger, request: StopRequest) -> TrainingResult:
        settings, total = self.config.training, self.total_steps
        batches = distribute_batches(
            self.strategy, self.dataset, self.data, self.config, self.start
        )
        throughput = Throughput(settings.batch_size)
        report = self.run.fault(self.workers.index)
        loss_guard = LossGuard(self.strategy, settings.maximum_loss, report)
        upkeep = UpkeepCallbacks(
            self.config,
            self.data,
            monitor,
            loss_guard,
            throughput,
            self.checkpoints,
            self.workers.is_chief,
            self.average,
            self.reporter,
        )
        figures = None
        with self.reporter.task("Training", total) as task:
            task.advance(self.start)
            for step in range(self.start + 1, total + 1):
                with throughput.waiting():
                    batch = next(batches)
                losses = self.step(batch)
                if self.average is not None:
                    self.average.update(step)
                throughput.count_step()
                loss_guard.note(step, losses, batch)
                last = step == total
                figures = upkeep.after(step, last, task)
                signalled, late = self.workers.any(request.signal is not None, request.time_is_up())
                leaving = signalled or late
                if step % settings.checkpoint_steps == 0 or last or leaving:
                    upkeep.save()
                if leaving and not last:
                    self.workers.leave()
                    if signalled and request.signal is None:
                        raise self.workers.stopped_by_other_worker(step)
                    return TrainingResult(step, None, finished=False)
        if figures is None:  # a run resumed at its end has no step left
            figures = upkeep.validate(total)
        self.workers.leave()  # who leaves before the chief has saved would end it
        return TrainingResult(total, figures)

    def _validation(self) -> Validation | None:
        split = self.dataset.held_out_split
        if split is None:
            self.reporter.message("no held-out split: no listening figures and no images")
            return None
        return self.validation(split)
