"""What a run writes down: stats.jsonl, TensorBoard, picture grids and listening figures."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cargan_tf.files import write_atomically
from cargan_tf.training.gallery import Gallery
from cargan_tf.training.listening import ListeningFigures
from cargan_tf.training.run import Run


class Monitor:
    """Records a run; ``gallery`` is ``None`` where the data set has no held-out split."""

    def __init__(self, run: Run, gallery: Gallery | None, start: int) -> None:
        """Go on after step ``start``: what a killed run told of later steps is dropped."""
        self._run = run
        self._gallery = gallery
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

    def listen(self, step: int) -> ListeningFigures | None:
        """Measure and record whether the pictures follow the sound."""
        if self._gallery is None:
            return None
        figures = self._gallery.figures()
        self.record(step, "listening", figures.to_json())
        return figures

    def draw_grid(self, step: int) -> None:
        """Write the grid of fixed sounds to ``pictures/`` and to TensorBoard."""
        if self._gallery is None:
            return
        sheet = self._gallery.grid()
        content = io.BytesIO()
        sheet.save(content, "PNG")
        write_atomically(self._run.pictures / f"step_{step:07d}.png", content.getvalue())
        with self._writer.as_default(step=step):
            tf.summary.image("grid", np.asarray(sheet)[None])

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._writer.close()


class SilentMonitor:
    """That of a worker that is not the chief, which records for all."""

    def record(self, step: int, kind: str, values: Mapping[str, float | int | None]) -> None:
        """Nothing."""

    def listen(self, step: int) -> None:
        """Nothing."""

    def draw_grid(self, step: int) -> None:
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
