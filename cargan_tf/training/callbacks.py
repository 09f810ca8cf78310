"""Callbacks of the training loop: EMA, loss guard, logging, validation, images and checkpoints."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cargan_tf.config import MonitorConfig
from cargan_tf.errors import UserError
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.conditioning_metrics import ConditioningMetrics, describe_conditioning
from cargan_tf.training.ema import EMA, ema_weights
from cargan_tf.training.interruptions import check_data
from cargan_tf.training.run import Run
from cargan_tf.training.steps.train_step import Batch, Losses
from cargan_tf.training.validation import Validation
from cargan_tf.utils.files import write_atomically, write_json
from cargan_tf.utils.progress import Reporter, Task

#: Records named in the message; the file has all.
_MAX_NAMED = 3


class Callback:
    """Called by the training loop, in the order of the loop's list; every method is optional."""

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """After step ``step`` (from 1), before the next batch is read.

        Raises:
            UserError: training must not continue.
        """

    def on_train_end(self, step: int) -> None:
        """After the last step of this session, ``step``."""


class Throughput:
    """Images per second, and the fraction of time spent waiting for data, since the last
    reading."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._reset()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside as waiting for data."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time inside."""
        began = time.perf_counter()
        yield
        self._began += time.perf_counter() - began

    def count_step(self) -> None:
        """Count one batch."""
        self._steps += 1

    def read(self) -> dict[str, float]:
        """The values since the last reading, and start over."""
        elapsed = time.perf_counter() - self._began
        speed = {
            "images_per_second": self._steps * self._batch_size / elapsed,
            "waiting_for_data": self._waited / elapsed,
        }
        self._reset()
        return speed

    def _reset(self) -> None:
        self._began = time.perf_counter()
        self._waited = 0.0
        self._steps = 0


class RunLog:
    """``stats.jsonl``, TensorBoard events and image grids of a run; only the chief has one."""

    def __init__(self, run: Run, start: int) -> None:
        """Continue after step ``start``: a killed run's lines on later steps are dropped."""
        self._run = run
        _purge_tensorboard(run, start + 1)
        self._writer = tf.summary.create_file_writer(str(run.tensorboard))
        if run.stats.exists():
            lines = run.stats.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= start]
            write_atomically(run.stats, "".join(kept).encode())
        self._written = {(line["step"], line.get("kind")) for line in run.read_stats()}

    def record(self, step: int, kind: str, values: Mapping[str, float | int | None]) -> None:
        """Write one line of ``stats.jsonl`` and a TensorBoard scalar per value.

        Lines that exist already are skipped: a run that is resumed at its end repeats its last
        validation.
        """
        if (step, kind) in self._written:
            return
        with self._run.stats.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        with self._writer.as_default(step=step):
            for name, value in values.items():
                if value is not None:
                    tf.summary.scalar(f"{kind}/{name}", value)

    def write_grid(self, step: int, grid: np.ndarray, png: bytes) -> None:
        """Write an image grid to ``images/`` and to TensorBoard."""
        write_atomically(self._run.images / f"step_{step:07d}.png", png)
        with self._writer.as_default(step=step):
            tf.summary.image("grid", grid[None])

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._writer.close()


class EMAUpdate(Callback):
    """Updates the exponential moving average of the weights."""

    def __init__(self, ema: EMA) -> None:
        self._ema = ema

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """Update, at the EMA's interval."""
        self._ema.update(step)


class LossGuard(Callback):
    """Stops a run whose loss is not finite or too large, and names the records of that batch.

    Losses stay on the device; pending values are checked at each log, validation or save, since
    reading them every step would stall a GPU. The first bad step is found anyway.
    """

    def __init__(self, strategy: tf.distribute.Strategy, maximum: float, report: Path) -> None:
        """Allow losses up to ``maximum``; details of a larger one are written to ``report``."""
        self._strategy, self._maximum, self._report = strategy, maximum, report
        self._pending: list[tuple[int, Losses, tf.Tensor]] = []

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """Remember a step's losses; ``batch`` is the strategy's, with the records' ``id``."""
        self._pending.append((step, losses, batch["id"]))

    def check(self) -> dict[str, float]:
        """Check all pending losses; return those of the newest step.

        Raises:
            UserError: a loss is not finite or above the maximum; names the first such step, the
                loss and the batch's records.
        """
        values: dict[str, float] = {}
        for step, losses, ids in self._pending:
            values = {name: float(value) for name, value in losses.items()}
            bad = {name: value for name, value in values.items() if not self._is_good(value)}
            if bad:
                self._stop(step, bad, values, ids)
        self._pending.clear()
        return values

    def _is_good(self, value: float) -> bool:
        return math.isfinite(value) and abs(value) <= self._maximum

    def _stop(
        self, step: int, bad: dict[str, float], values: dict[str, float], ids: tf.Tensor
    ) -> None:
        parts = self._strategy.experimental_local_results(ids)
        records = [name.decode("utf-8", "replace") for part in parts for name in part.numpy()]
        # JSON has no NaN or infinity.
        losses = {name: v if math.isfinite(v) else str(v) for name, v in values.items()}
        write_json(self._report, {"step": step, "losses": losses, "records": records})
        hidden = len(records) - _MAX_NAMED
        more = f" and {hidden} more" if hidden > 0 else ""
        raise UserError(
            f"step {step}: {', '.join(self._describe(*item) for item in bad.items())}, on the batch"
            f" of {', '.join(records[:_MAX_NAMED])}{more} (details in {self._report}). Later steps"
            " are discarded; resume from the last checkpoint with a lower learning rate: --resume"
            " --set training.learning_rate=…"
        )

    def _describe(self, name: str, value: float) -> str:
        if not math.isfinite(value):
            return f"{name} is not finite"
        return f"{name} is {value:.4g}, above training.maximum_loss = {self._maximum:g}"


class Logging(Callback):
    """Logs losses and throughput, and advances the progress bar.

    Args:
        every: steps between log lines; the last step is logged as well.
        total: steps of the whole run.
        log: ``None`` for workers other than the chief.
    """

    def __init__(
        self,
        every: int,
        total: int,
        log: RunLog | None,
        guard: LossGuard,
        throughput: Throughput,
        task: Task,
    ) -> None:
        self._every, self._total = every, total
        self._log, self._guard, self._throughput, self._task = log, guard, throughput, task

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """Log if it is due."""
        if step % self._every == 0 or step == self._total:
            values, speed = self._guard.check(), self._throughput.read()
            if self._log is not None:
                self._log.record(step, "training", {**values, **speed})
            # A model with one stage has no refined_l1.
            l1 = values["refined_l1" if "refined_l1" in values else "coarse_l1"]
            self._task.advance(0, f"L1 {l1:.3f}, {speed['images_per_second']:.0f} images/s")
        self._task.advance()


class Validating(Callback):
    """Measures the conditioning metrics and writes image grids, with the EMA weights.

    Args:
        intervals: of metrics and grids; the last step has both.
        total: steps of the whole run.
        validation: the held-out pairs; ``None`` without a held-out split and for workers other
            than the chief.
        log: likewise.
        ema: ``None`` if there is none.

    Attributes:
        metrics: of the last validation.
    """

    def __init__(
        self,
        intervals: MonitorConfig,
        total: int,
        validation: Validation | None,
        log: RunLog | None,
        guard: LossGuard,
        throughput: Throughput,
        ema: EMA | None,
        reporter: Reporter,
    ) -> None:
        self._intervals, self._total = intervals, total
        self._validation, self._log = validation, log
        self._guard, self._throughput, self._ema = guard, throughput, ema
        self._reporter = reporter
        self.metrics: ConditioningMetrics | None = None

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """Measure and write what is due."""
        last = step == self._total
        measure = step % self._intervals.validation_steps == 0 or last
        write_grid = step % self._intervals.grid_steps == 0 or last
        if not (measure or write_grid):
            return
        self._guard.check()  # waits for pending steps, which count as training time
        with self._throughput.paused(), ema_weights(self._ema):
            if measure:
                self.validate(step)
            if write_grid:
                self.write_grid(step)

    def validate(self, step: int) -> None:
        """Measure and log the conditioning metrics."""
        if self._validation is None or self._log is None:
            return
        self.metrics = self._validation.measure()
        self._log.record(step, "validation", self.metrics.to_json())
        self._reporter.message(f"step {step}: {describe_conditioning(self.metrics)}")

    def write_grid(self, step: int) -> None:
        """Write the grid of fixed held-out sounds."""
        if self._validation is None or self._log is None:
            return
        grid = self._validation.grid()
        content = io.BytesIO()
        grid.save(content, "PNG")
        self._log.write_grid(step, np.asarray(grid), content.getvalue())


class Checkpointing(Callback):
    """Saves checkpoints, of finite losses on complete data only.

    All workers check the same values, so all stop where one does; only the chief writes.

    Args:
        every: steps between checkpoints; the last step of a session is saved as well.
        data: the data set, checked before each save; ``None`` if it is in memory.
        writes: whether this worker is the chief.
    """

    def __init__(
        self,
        every: int,
        checkpoints: Checkpoints,
        guard: LossGuard,
        throughput: Throughput,
        data: Path | None,
        writes: bool,
    ) -> None:
        self._every, self._checkpoints = every, checkpoints
        self._guard, self._throughput = guard, throughput
        self._data, self._writes = data, writes
        self._saved: int | None = None

    def on_step_end(self, step: int, losses: Losses, batch: Batch) -> None:
        """Save if it is due."""
        if step % self._every == 0:
            self._save(step)

    def on_train_end(self, step: int) -> None:
        """Save the last step, unless that was done."""
        if self._saved != step:
            self._save(step)

    def _save(self, step: int) -> None:
        self._guard.check()
        with self._throughput.paused():
            if self._data is not None:
                check_data(self._data)
            self._checkpoints.save(write=self._writes)
        self._saved = step


def _purge_tensorboard(run: Run, step: int) -> None:
    """Make TensorBoard ignore older events of ``step`` and later.

    ``tf.summary`` has no ``purge_step``; TensorBoard's own writer accepts the event behind it.
    """
    writer = EventFileWriter(str(run.tensorboard))
    start = SessionLog(status=SessionLog.START)
    writer.add_event(Event(wall_time=time.time(), step=step, session_log=start))
    writer.close()


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut short by a killed run
