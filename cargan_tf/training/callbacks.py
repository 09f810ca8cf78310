"""How fast a run goes, and how much of its time it waits for data."""
# MERGED What a run writes down: stats.jsonl, TensorBoard, image grids and listening figures.
# MERGED What is done between the steps of a run: it is logged, listened to, drawn and saved.

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cargan_tf.config import Config
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.conditioning_metrics import ConditioningMetrics, describe_conditioning
from cargan_tf.training.ema import EMA
from cargan_tf.training.interruptions import check_data
from cargan_tf.training.loss_guard import LossGuard
from cargan_tf.training.run import Run
from cargan_tf.training.validation import Validation
from cargan_tf.utils.files import write_atomically
from cargan_tf.utils.progress import Reporter, Task


class Throughput:
    """Counts the steps and the waiting since it was last read."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._reset()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time inside is spent waiting for data."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The time inside is no part of training."""
        began = time.perf_counter()
        yield
        self._began += time.perf_counter() - began

    def count_step(self) -> None:
        """One more batch is done."""
        self._steps += 1

    def read(self) -> dict[str, float]:
        """Images a second and the share spent waiting since the last reading."""
        elapsed = time.perf_counter() - self._began
        speed = {
            "pictures_per_second": self._steps * self._batch_size / elapsed,
            "waiting_for_data": self._waited / elapsed,
        }
        self._reset()
        return speed

    def _reset(self) -> None:
        self._began = time.perf_counter()
        self._waited = 0.0
        self._steps = 0


class RunLogger:
    """Records a run; ``validation`` is ``None`` where the data set has no held-out split."""

    def __init__(self, run: Run, validation: Validation | None, start: int) -> None:
        """Go on after step ``start``: what a killed run told of later steps is dropped."""
        self._run = run
        self._validation = validation
        _begin_session(run, start + 1)
        self._writer = tf.summary.create_file_writer(str(run.tensorboard))
        if run.stats.exists():
            lines = run.stats.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= start]
            write_atomically(run.stats, "".join(kept).encode())
        self._told = {(line["step"], line.get("kind")) for line in run.read_stats()}

    def record(self, step: int, kind: str, values: Mapping[str, float | int | None]) -> None:
        """One line of stats.jsonl, and a TensorBoard scalar each, unless it is there already.

        A run that is resumed at its end measures its last step again.
        """
        if (step, kind) in self._told:
            return
        with self._run.stats.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        with self._writer.as_default(step=step):
            for name, value in values.items():
                if value is not None:
                    tf.summary.scalar(f"{kind}/{name}", value)

    def validate(self, step: int) -> ConditioningMetrics | None:
        """Measure and record whether the images follow the sound."""
        if self._validation is None:
            return None
        figures = self._validation.figures()
        self.record(step, "listening", figures.to_json())
        return figures

    def write_grid(self, step: int) -> None:
        """Write the grid of fixed sounds to ``images/`` and to TensorBoard."""
        if self._validation is None:
            return
        sheet = self._validation.grid()
        content = io.BytesIO()
        sheet.save(content, "PNG")
        write_atomically(self._run.images / f"step_{step:07d}.png", content.getvalue())
        with self._writer.as_default(step=step):
            tf.summary.image("grid", np.asarray(sheet)[None])

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._writer.close()


class SilentLogger:
    """That of a worker that is not the chief, which records for all."""

    def record(self, step: int, kind: str, values: Mapping[str, float | int | None]) -> None:
        """Nothing."""

    def validate(self, step: int) -> None:
        """Nothing."""

    def write_grid(self, step: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _begin_session(run: Run, step: int) -> None:
    """Have TensorBoard drop what its older files hold of ``step`` and later.

    It reads its files in the order of their names, which begin with the time. ``tf.summary`` has
    no ``purge_step``; TensorBoard's own writer takes the event that stands behind it.
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


@dataclass
class UpkeepCallbacks:
    """One run's upkeep, at the intervals of its configuration and after its last step.

    Attributes:
        config: the run's.
        data: the data set's folder.
        monitor: writes figures and images; silent at all workers but the chief.
        loss_guard: knows the losses since they were last looked at.
        throughput: stands still meanwhile.
        checkpoints: of the run.
        writes: whether this worker writes checkpoints.
        average: the weights that draw, where that are others than those being trained.
        reporter: told of the figures.
    """

    config: Config
    data: Path
    monitor: RunLogger | SilentLogger
    loss_guard: LossGuard
    throughput: Throughput
    checkpoints: Checkpoints
    writes: bool
    average: EMA | None
    reporter: Reporter

    def after(self, step: int, last: bool, task: Task) -> ConditioningMetrics | None:
        """Log, listen and draw after ``step``, each where it is time to; what was heard, if so.

        Raises:
            UserError: a loss since the last look is not finite, or above the maximum.
        """
        intervals, figures = self.config.monitor, None
        validates = step % intervals.validation_steps == 0 or last
        generates = step % intervals.grid_steps == 0 or last
        if step % intervals.log_steps == 0 or last:
            self._log(step, task)
        task.advance()
        if validates or generates:
            self.loss_guard.look()  # waits for the steps under way, which are part of training
        with self.throughput.stopped():
            if validates:
                figures = self.validate(step)
            if figures is not None:
                self.reporter.message(f"step {step}: {describe_conditioning(figures)}")
            if generates:
                with generation_weights(self.average):
                    self.monitor.write_grid(step)
        return figures

    def validate(self, step: int) -> ConditioningMetrics | None:
        """Measure and record whether the images follow the sound."""
        with generation_weights(self.average):
            return self.monitor.validate(step)

    def save(self) -> None:
        """Write a checkpoint, which must be worth going on from: sound losses, from all the data.

        All workers look at the same, so all stop where one does; one alone writes.

        Raises:
            UserError: it would not be, or the disk is full.
        """
        self.loss_guard.look()
        with self.throughput.stopped():
            if not self.config.data.cache:  # else nothing is read any more
                check_data(self.data)
            self.checkpoints.save(write=self.writes)

    def _log(self, step: int, task: Task) -> None:
        values, speed = self.loss_guard.look(), self.throughput.read()
        self.monitor.record(step, "training", {**values, **speed})
        distance = values["refined_l1" if "refined_l1" in values else "coarse_l1"]  # of one stage
        task.advance(0, f"L1 {distance:.3f}, {speed['pictures_per_second']:.0f} images/s")


def generation_weights(average: EMA | None) -> AbstractContextManager[None]:
    """The weights that draw outside training are in their place within the block."""
    return nullcontext() if average is None else average.in_place()
