"""Putting a state dict into a network, and taking it out again, name by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError
from cargan_tf.interop.names import BATCHES_TRACKED, Weight, classifier_weights
from cargan_tf.interop.pytorch_reading import read_state_dict
from cargan_tf.models.classifier import Classifier

StateDict = Mapping[str, NDArray[Any]]

#: Names said of each kind of misfit; a file of another network would misfit in all of its names.
NAMES_SAID = 8
#: What ``torch.nn.DataParallel`` puts before every name.
PARALLEL = "module."


def load_state(state: StateDict, weights: Sequence[Weight], origin: Path) -> None:
    """Assign every weight, or none.

    Args:
        state: tensors by PyTorch name; ``num_batches_tracked`` is passed over.
        weights: of the network.
        origin: the file, for messages.

    Raises:
        UserError: a name is missing or unknown, or a shape differs; each is listed.
    """
    found = {
        name.removeprefix(PARALLEL): values
        for name, values in state.items()
        if not name.endswith(BATCHES_TRACKED)
    }
    expected = {weight.name: weight for weight in weights}
    misshapen = [
        f"{name} {list(values.shape)} (expected {list(expected[name].their_shape)})"
        for name, values in found.items()
        if name in expected and values.shape != expected[name].their_shape
    ]
    faults = {
        "missing": [name for name in expected if name not in found],
        "unknown": [name for name in found if name not in expected],
        "of another shape": misshapen,
    }
    said = [f"{kind}: {_listed(names)}" for kind, names in faults.items() if names]
    if said:
        raise UserError(
            f"{origin} does not fit the configured network; {'; '.join(said)}. Name the"
            " configuration it was trained with (--config, --set model.generator_width=…)."
        )
    for name, weight in expected.items():
        weight.variable.assign(weight.to_ours(found[name]).astype(np.float32))


def state_of(weights: Sequence[Weight], batches: int) -> dict[str, NDArray[Any]]:
    """The state dict of a network; its norms have seen ``batches`` batches."""
    state: dict[str, NDArray[Any]] = {}
    for weight in weights:
        values = weight.variable.numpy()
        state[weight.name] = np.ascontiguousarray(weight.to_theirs(values))
        if weight.name.endswith("running_var"):
            prefix = weight.name.removesuffix("running_var")
            state[prefix + BATCHES_TRACKED] = np.array(batches, np.int64)
    return state


def load_torchvision(network: Classifier, file: Path) -> None:
    """Start C from torchvision's resnet50; its last layer, of other labels, is left out.

    Raises:
        UserError: the file cannot be read or does not fit.
    """
    state = {
        f"model.{name}": values
        for name, values in read_state_dict(file).items()
        if not name.startswith("fc.")
    }
    weights = [weight for weight in classifier_weights(network) if ".fc." not in weight.name]
    load_state(state, weights, file)


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - NAMES_SAID
    return ", ".join(names[:NAMES_SAID]) + (f" and {rest} more" if rest > 0 else "")
