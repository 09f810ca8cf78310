"""Stops a run whose loss is not finite or too large, and names the records of that batch.

Losses stay on the device; pending values are checked at each log, validation or save, since reading
them every step would stall a GPU. The first bad step is found anyway.
"""

from __future__ import annotations

import math
from pathlib import Path

import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.callbacks import Callback
from cargan_tf.training.steps.train_step import Batch, Losses
from cargan_tf.utils.files import write_json

#: Records named in the message; the file has all.
_MAX_NAMED = 3


class LossGuard(Callback):
    """Keeps the losses of steps that were not checked yet."""

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
