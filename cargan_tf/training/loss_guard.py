"""Losses under watch: the first that is not finite, or explodes, ends a run with its batch's names.

Losses are looked at when they are logged or saved, not at every step, as asking a GPU for a number
stops it. What was not yet looked at is kept meanwhile, so the first bad step is found in any case.
"""

from __future__ import annotations

import math
from pathlib import Path

import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.steps.train_step import Batch, Losses
from cargan_tf.utils.files import write_json

#: Record names in the message; the file has all.
_NAMED = 3


class LossGuard:
    """The steps since the last look."""

    def __init__(self, strategy: tf.distribute.Strategy, maximum: float, report: Path) -> None:
        """Allow losses up to ``maximum``; of a worse one ``report`` (JSON) tells everything."""
        self._strategy, self._maximum, self._report = strategy, maximum, report
        self._unseen: list[tuple[int, Losses, tf.Tensor]] = []

    def note(self, step: int, losses: Losses, batch: Batch) -> None:
        """Keep what a step came to; ``batch`` is the strategy's, with the records' ``id``."""
        self._unseen.append((step, losses, batch["id"]))

    def look(self) -> dict[str, float]:
        """The losses of the newest step noted, once all since the last look are found sound.

        Raises:
            UserError: the first step of which one is not finite or above the maximum; names it,
                the loss and the batch's records.
        """
        values: dict[str, float] = {}
        for step, losses, ids in self._unseen:
            values = {name: float(value) for name, value in losses.items()}
            bad = {name: value for name, value in values.items() if not self._sound(value)}
            if bad:
                self._stop(step, bad, values, ids)
        self._unseen.clear()
        return values

    def _sound(self, value: float) -> bool:
        return math.isfinite(value) and abs(value) <= self._maximum

    def _stop(
        self, step: int, bad: dict[str, float], values: dict[str, float], ids: tf.Tensor
    ) -> None:
        parts = self._strategy.experimental_local_results(ids)
        names = [name.decode("utf-8", "replace") for part in parts for name in part.numpy()]
        full_message = {
            name: value if math.isfinite(value) else str(value) for name, value in values.items()
        }
        write_json(self._report, {"step": step, "losses": full_message, "records": names})
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise UserError(
            f"step {step}: {', '.join(self._describe(*item) for item in bad.items())}, on the batch"
            f" of {', '.join(names[:_NAMED])}{more} (all in {self._report}). Nothing after the last"
            " checkpoint is kept; go on from it with a lower rate: --resume --set"
            " training.learning_rate=…"
        )

    def _describe(self, name: str, value: float) -> str:
        if not math.isfinite(value):
            return f"{name} is not finite"
        return f"{name} is {value:.4g}, above training.maximum_loss = {self._maximum:g}"
