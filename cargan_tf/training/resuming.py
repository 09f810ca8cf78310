"""What a resumed run may change: how long it goes on and how it is watched, not what it is."""

from __future__ import annotations

from cargan_tf.config import Config
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run, RunInfo

#: Settings of ``training`` that may differ, each with a value that stands for all.
_FREE: dict[str, object] = {
    "steps": None,
    "epochs": 1,
    "keep_checkpoints": 1,
    "learning_rate": 1.0,
    "discriminator_learning_rate": None,
    "maximum_loss": 1.0,
}


def check_same_run(run: Run, now: RunInfo) -> None:
    """That ``run`` was begun with the data and the settings of ``now``.

    Raises:
        UserError: it was not, or there is no run.
    """
    before = run.read_info()
    if before.data_hash != now.data_hash:
        raise UserError(
            f"{run.path} was trained on {before.data}, which is not the data set"
            f" {now.data} (dataset.json differs). Name the same data to resume."
        )
    if _fixed(before.config) != _fixed(now.config):
        raise UserError(
            f"{run.path} was begun with another configuration; resuming may change"
            f" training.{', training.'.join(_FREE)} and monitor only."
        )


def _fixed(config: Config) -> Config:
    """``config`` with the settings that a resumption may change set to the same values."""
    training = config.training.model_copy(update=_FREE)
    other_kinds = {kind: None for kind in ("s2ic", "cmcgan") if kind != config.model.kind}
    unused = {"monitor": None, "judge": None, **other_kinds}
    return config.model_copy(update={"training": training, **unused})
