"""What a resumed run may change: how long it goes on and how it is watched, not what it is."""

from __future__ import annotations

import json
from typing import Any

from cargan_tf.config import Config
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run, RunInfo

#: Settings of ``training`` that may differ.
FREE = (
    *("steps", "epochs", "decay_epochs", "keep_checkpoints"),
    *("learning_rate", "discriminator_learning_rate", "maximum_loss"),
)
#: Sections that may differ altogether, as nothing in them reaches the weights.
FREE_SECTIONS = ("monitor", "judge")


def check_same_run(run: Run, now: RunInfo) -> None:
    """That ``run`` was begun with the data and the settings of ``now``.

    Raises:
        UserError: it was not, or there is no run; names each setting that differs, with both
            values.
    """
    before = run.read_info()
    if before.data_hash != now.data_hash:
        raise UserError(
            f"{run.path} was trained on {before.data}, which is not the data set"
            f" {now.data} (dataset.json differs). Name the same data to resume."
        )
    then_values, now_values = _fixed(before.config), _fixed(now.config)
    differing = [
        f"{name}: {_shown(then_values.get(name))} then, {_shown(now_values.get(name))} now"
        for name in dict.fromkeys([*then_values, *now_values])
        if then_values.get(name) != now_values.get(name)
    ]
    if differing:
        raise UserError(
            f"{run.path} was begun with another configuration ({'; '.join(differing)}). Resuming"
            f" may change training.{', training.'.join(FREE)}, {' and '.join(FREE_SECTIONS)} only:"
            " leave the rest as it was, or train another run."
        )


def _fixed(config: Config) -> dict[str, Any]:
    """The settings that a resumption may not change, by ``section.name``."""
    other_kinds = {"s2ic", "cmcgan"} - {config.model.kind}
    free = {*FREE_SECTIONS, *other_kinds, *(f"training.{name}" for name in FREE)}
    fixed: dict[str, Any] = {}
    for section, values in config.model_dump(mode="json").items():
        if isinstance(values, dict):
            fixed |= {f"{section}.{name}": value for name, value in values.items()}
        else:
            fixed[section] = values
    return {
        name: value
        for name, value in fixed.items()
        if name not in free and name.partition(".")[0] not in free
    }


def _shown(value: Any) -> str:
    """As one would write it after ``--set``."""
    return json.dumps(value, ensure_ascii=False)
