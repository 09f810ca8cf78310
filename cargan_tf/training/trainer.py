"""The training loop of one run: batches, steps, callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf
import yaml

from cargan_tf import __version__
from cargan_tf.config import Config
from cargan_tf.data.dataset import DATASET_FILE, DatasetInfo, check_fits, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.models.cargan import Cascade
from cargan_tf.training.callbacks import (
    Callback,
    Checkpointing,
    EMAUpdate,
    Logging,
    LossGuard,
    RunLog,
    Throughput,
    Validating,
)
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.classifiers.train_classifier import FOLDER as CLASSIFIER_FOLDER
from cargan_tf.training.classifiers.train_sound_classifier import ensure_sound_classifier
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.distillation import check_teachable
from cargan_tf.training.distribution import (
    Workers,
    check_devices_suit,
    check_divisible,
    distribute_batches,
)
from cargan_tf.training.ema import ema_weights
from cargan_tf.training.interruptions import (
    StopRequest,
    defer_signals,
    translate_errors,
    translate_removal,
)
from cargan_tf.training.networks import (
    InitialWeights,
    build_networks,
    check_startable,
    describe_copied,
    player_photos,
)
from cargan_tf.training.run import Run, RunInfo, check_resumable
from cargan_tf.training.validation import Validation, class_means
from cargan_tf.utils.files import file_hash
from cargan_tf.utils.progress import Reporter, SilentReporter, Task
from cargan_tf.utils.provenance import describe_provenance, provenance


@dataclass(frozen=True)
class TrainingResult:
    """Where a run ended.

    Attributes:
        step: the last step, which is saved.
        metrics: of the validation after it; ``None`` without a held-out split, or if the time limit
            expired first.
        finished: ``False`` if the time limit expired before the last step.
    """

    step: int
    metrics: ConditioningMetrics | None
    finished: bool = True


def _with_statistics(
    dataset: DatasetInfo, config: Config, source: Run | InitialWeights | None
) -> DatasetInfo:
    """``dataset`` with the statistics that ``training.statistics`` names."""
    if config.training.statistics == "data":
        return dataset
    if source is None:
        raise UserError(
            "training.statistics is 'initial', but there are no initial weights: name them with"
            " --init-from, or set it to 'data'."
        )
    statistics = (source.read_info() if isinstance(source, Run) else source).statistics
    if len(statistics.mean) != len(dataset.statistics.mean):
        raise UserError(
            f"the initial weights take {len(statistics.mean)} mel bands, the data set has"
            f" {len(dataset.statistics.mean)}: set training.statistics to 'data'."
        )
    return dataset.model_copy(update={"statistics": statistics})


def _check_frozen(config: Config, initial: InitialWeights | None) -> None:
    """Layers that keep their initial weights must have some that are trained."""
    training = config.training
    if training.encoder_learning_rate == 0 and initial is None:
        raise UserError(
            "training.encoder_learning_rate is 0, but there are no initial weights to keep: name"
            " them with --init-from, or leave it at null."
        )
    if training.frozen_discriminator_blocks and (initial is None or initial.discriminator is None):
        raise UserError(
            "training.frozen_discriminator_blocks needs a trained D: name a run with --init-from"
            " (an exported model has no D), or leave it at 0."
        )


class Trainer:
    """Trains one run.

    The constructor builds networks and optimizers and restores the newest checkpoint of a resumed
    run; ``train`` does the rest. Under a strategy of several workers each has its own trainer; all
    compute the same steps, and only the chief writes.
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
        initial: InitialWeights | None = None,
        teacher: InitialWeights | None = None,
    ) -> None:
        """Build everything.

        Args:
            run: the run's directory.
            data: a data set made by ``preprocess``.
            config: its audio section and image size must match the data set's.
            strategy: see ``make_strategy``; its replicas share each batch.
            classifier: folder of C, where the model has one; ``data/classifier`` by default.
            resume: continue from the newest checkpoint.
            reporter: receives progress.
            initial: a trained model to start a new run from, for fine-tuning.
            teacher: a trained model whose images are learned instead of the photos (distillation).

        Raises:
            UserError: configuration, data, classifier, run and initial weights do not match.
        """
        self.run, self.data, self.config, self.strategy = run, data, config, strategy
        self.resume = resume
        self.reporter = reporter or SilentReporter()
        self.workers = Workers(strategy)
        if initial is not None:
            check_startable(initial, config)
        if not resume:
            _check_frozen(config, initial)
        source = run if resume else initial or teacher
        self.dataset = _with_statistics(load_dataset(data), config, source)
        check_fits(self.dataset, config)
        if teacher is not None:
            check_teachable(teacher.path, teacher.labels, teacher.players, self.dataset)
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
        trained = initial or teacher
        self._sound_classifier = (
            None if trained is None else trained.sound_classifier_for(config, labels)
        )
        players = self.dataset.players if config.model.players else {}
        info = RunInfo(
            config,
            labels,
            statistics,
            str(data.resolve()),
            data_hash,
            classifier_accuracy=None,
            players=players,
            teacher="" if teacher is None else str(teacher.path),
        )
        if resume:
            check_resumable(run, info)
        with self.workers.explain_worker_failure():
            built = build_networks(config, self.dataset, strategy, classifier, teacher)
        self.network, self.step, self.ema = built.network, built.step, built.ema
        if config.model.player_photo and not resume:
            # The configuration says so.
            assert isinstance(self.network, Cascade)
            assert self.network.player_photos is not None
            with strategy.scope():
                self.network.player_photos.assign(player_photos(self.dataset, data, config))
                if self.ema is not None:
                    self.ema.reset()
        if initial is not None:
            assert isinstance(self.network, Cascade)  # checked by check_startable
            with strategy.scope():
                left = initial.copy_to(self.network, self.step.discriminator, labels)
                if self.ema is not None:
                    self.ema.reset()
            self.reporter.message(describe_copied(initial, left, labels))
        self.info = replace(info, classifier_accuracy=built.accuracy)
        self.checkpoints = Checkpoints(
            run.checkpoints, self.step, config.training.keep_checkpoints, self.ema
        )
        self.start = self.checkpoints.restore() if resume else 0
        with self.workers.explain_worker_failure():
            self.workers.check_same({"checkpoint": f"step {self.start}"})

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, including those before resuming."""
        return self.dataset.training_steps(self.config.training)

    def describe(self) -> str:
        """The resolved run: configuration, devices, data and network sizes."""
        counts = {split: self.dataset.records(split) for split in self.dataset.shards}
        lines = [
            yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False).rstrip(),
            f"run: {self.run.path}",
            f"data: {self.data} ({', '.join(f'{n} {split}' for split, n in counts.items())} pairs)",
            f"labels: {', '.join(self.dataset.labels)}",
            f"devices: {', '.join(self.strategy.extended.worker_devices)}",
            *([f"workers: {self.workers.count}"] if self.workers.count > 1 else []),
            f"steps: {self.start} of {self.total_steps} done, {self.steps_per_epoch} per epoch",
            *(
                f"{name}: {network.count_params():,} parameters"
                for name, network in self.step.networks().items()
            ),
        ]
        return "\n".join(lines)

    def validation(self, split: str) -> Validation:
        """Validation on the pairs of ``split``; use it within ``ema_weights``."""
        means = class_means(self.run, self.dataset, self.data, self.config)
        return Validation.of_split(self.network, self.dataset, self.data, self.config, split, means)

    def ema_weights(self) -> AbstractContextManager[None]:
        """Within the block the network has the weights that generate: the EMA, if there is one."""
        return ema_weights(self.ema)

    def train(self, max_hours: float | None = None) -> TrainingResult:
        """Train to the last step, with checkpoints, logs and image grids on the way.

        Ctrl-C and SIGTERM take effect after the current step, which is saved.

        Args:
            max_hours: save and stop after this time if the last step is not done by then.

        Raises:
            UserError: the directory is in use or was removed, the disk is full, the data set was
                removed or damaged, or a loss is not finite or above ``training.maximum_loss``.
            WorkerFailure: another worker died or was stopped.
        """
        request = StopRequest(max_hours)
        lock = self.run.locked() if self.workers.is_chief else nullcontext()
        with lock, translate_errors(self.data), self.workers.explain_worker_failure():
            log = self._start_run()
            validation = self._load_validation() if self.workers.is_chief else None
            with (
                defer_signals(request),
                translate_removal(self.run),
                closing(log) if log is not None else nullcontext(),
            ):
                return self._loop(log, validation, request)

    def _loop(
        self, log: RunLog | None, validation: Validation | None, request: StopRequest
    ) -> TrainingResult:
        batches = distribute_batches(
            self.strategy, self.dataset, self.data, self.config, self.start
        )
        throughput = Throughput(self.config.training.batch_size)
        with self.reporter.task("Training", self.total_steps) as task:
            callbacks, validating = self._callbacks(log, validation, throughput, task)
            task.advance(self.start)
            for step in range(self.start + 1, self.total_steps + 1):
                with throughput.waiting():
                    batch = next(batches)
                losses = self.step(batch)
                throughput.count_step()
                for callback in callbacks:
                    callback.on_step_end(step, losses, batch)
                signaled, expired = self.workers.any(
                    request.signal is not None, request.time_is_up()
                )
                if signaled or expired or step == self.total_steps:
                    for callback in callbacks:
                        callback.on_train_end(step)
                    if step < self.total_steps:
                        self.workers.leave()  # after the chief has saved
                        if signaled and request.signal is None:
                            raise self.workers.stopped_by_other_worker(step)
                        return TrainingResult(step, None, finished=False)
        if validating.metrics is None:  # a run resumed at its end has no step left
            with ema_weights(self.ema):
                validating.validate(self.total_steps)
        self.workers.leave()  # a worker that exits before the chief has saved would end it
        return TrainingResult(self.total_steps, validating.metrics)

    def _load_validation(self) -> Validation | None:
        """Of the held-out split; reading it may take a while, and Ctrl-C ends it at once."""
        split = self.dataset.held_out_split
        if split is not None:
            return self.validation(split)
        self.reporter.message("no held-out split: no validation and no image grids")
        return None

    def _callbacks(
        self, log: RunLog | None, validation: Validation | None, throughput: Throughput, task: Task
    ) -> tuple[Sequence[Callback], Validating]:
        """The callbacks in their order, and the one that validates."""
        settings, intervals, total = self.config.training, self.config.monitor, self.total_steps
        fault_report = self.run.fault(self.workers.index)
        guard = LossGuard(self.strategy, settings.maximum_loss, fault_report)
        validating = Validating(
            intervals, total, validation, log, guard, throughput, self.ema, self.reporter
        )
        # With data.cache nothing is read from the disk any more.
        data = None if self.config.data.cache else self.data
        callbacks: list[Callback] = [
            *([EMAUpdate(self.ema)] if self.ema is not None else []),
            guard,
            Logging(intervals.log_steps, total, log, guard, throughput, task),
            validating,
            Checkpointing(
                settings.checkpoint_steps,
                self.checkpoints,
                guard,
                throughput,
                data,
                self.workers.is_chief,
            ),
        ]
        return callbacks, validating

    def _start_run(self) -> RunLog | None:
        """The chief writes what must exist before the first step; the others wait for it."""
        log = None
        if self.workers.is_chief:
            if not self.resume:
                self.run.check_free()
            elif self.checkpoints.changed():
                raise UserError(
                    f"another process trained in {self.run.path} while this one was starting: run"
                    " the command again."
                )
            if not self.run.exists():
                self.run.write_info(self.info)
            devices = self.strategy.extended.worker_devices
            made_with = provenance(self.config.training.seed, devices)
            self.reporter.message(describe_provenance(made_with))
            self.run.add_session(self.start, {**made_with, "workers": self.workers.count})
            ensure_sound_classifier(
                self.data,
                self.config,
                self.run.sound_classifier,
                self.reporter,
                trained=self._sound_classifier,
            )
            log = RunLog(self.run, self.start)
        self.workers.barrier()
        self.workers.check_seen(self.run.path, self.run.exists())
        return log
