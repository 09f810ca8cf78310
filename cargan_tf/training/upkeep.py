"""What is done between the steps of a run: it is logged, listened to, drawn and saved."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.config import Config
from cargan_tf.progress import Reporter, Task
from cargan_tf.training.averaging import AveragedWeights
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.clock import Clock
from cargan_tf.training.faults import check_data
from cargan_tf.training.listening import ListeningFigures, describe_listening
from cargan_tf.training.monitor import Monitor, SilentMonitor
from cargan_tf.training.watch import LossWatch


@dataclass
class Upkeep:
    """One run's upkeep, at the intervals of its configuration and after its last step.

    Attributes:
        config: the run's.
        data: the data set's folder.
        monitor: writes figures and pictures; silent at all workers but the chief.
        watch: knows the losses since they were last looked at.
        clock: stands still meanwhile.
        checkpoints: of the run.
        writes: whether this worker writes checkpoints.
        average: the weights that draw, where that are others than those being trained.
        reporter: told of the figures.
    """

    config: Config
    data: Path
    monitor: Monitor | SilentMonitor
    watch: LossWatch
    clock: Clock
    checkpoints: Checkpoints
    writes: bool
    average: AveragedWeights | None
    reporter: Reporter

    def after(self, step: int, last: bool, task: Task) -> ListeningFigures | None:
        """Log, listen and draw after ``step``, each where it is time to; what was heard, if so.

        Raises:
            UserError: a loss since the last look is not finite, or above the maximum.
        """
        intervals, figures = self.config.monitor, None
        listens = step % intervals.listening_steps == 0 or last
        draws = step % intervals.picture_steps == 0 or last
        if step % intervals.log_steps == 0 or last:
            self._log(step, task)
        task.advance()
        if listens or draws:
            self.watch.look()  # waits for the steps under way, which are part of training
        with self.clock.stopped():
            if listens:
                figures = self.listen(step)
            if figures is not None:
                self.reporter.message(f"step {step}: {describe_listening(figures)}")
            if draws:
                with drawing_weights(self.average):
                    self.monitor.draw_grid(step)
        return figures

    def listen(self, step: int) -> ListeningFigures | None:
        """Measure and record whether the pictures follow the sound."""
        with drawing_weights(self.average):
            return self.monitor.listen(step)

    def save(self) -> None:
        """Write a checkpoint, which must be worth going on from: sound losses, from all the data.

        All workers look at the same, so all stop where one does; one alone writes.

        Raises:
            UserError: it would not be, or the disk is full.
        """
        self.watch.look()
        with self.clock.stopped():
            if not self.config.data.cache:  # else nothing is read any more
                check_data(self.data)
            self.checkpoints.save(write=self.writes)

    def _log(self, step: int, task: Task) -> None:
        values, speed = self.watch.look(), self.clock.read()
        self.monitor.record(step, "training", {**values, **speed})
        distance = values["refined_l1" if "refined_l1" in values else "coarse_l1"]  # of one stage
        task.advance(0, f"L1 {distance:.3f}, {speed['pictures_per_second']:.0f} pictures/s")


def drawing_weights(average: AveragedWeights | None) -> AbstractContextManager[None]:
    """The weights that draw outside training are in their place within the block."""
    return nullcontext() if average is None else average.in_place()
