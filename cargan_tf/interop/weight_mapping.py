"""PyTorch state dicts to the weights of our networks and back, mapped name by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError
from cargan_tf.interop.pytorch_files import read_state_dict
from cargan_tf.models.attention import ReferenceAttention
from cargan_tf.models.classifier import Classifier, ConvNorm
from cargan_tf.models.layers import BatchNorm
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.models.unet import UNet

#: Steps a batch norm has seen: in every PyTorch file, of no use to a momentum that is fixed.
BATCHES_TRACKED = "num_batches_tracked"


StateDict = Mapping[str, NDArray[Any]]
#: Names said of each kind of misfit; a file of another network would misfit in all of its names.
NAMES_SAID = 8
#: What ``torch.nn.DataParallel`` puts before every name.
PARALLEL = "module."


@dataclass(frozen=True)
class Weight:
    """One of our variables and its name in their state dict."""

    name: str
    variable: keras.Variable
    skip_first: bool = False  # their decoder has the skipped channels before the decoded ones

    def to_ours(self, values: NDArray[Any]) -> NDArray[Any]:
        """Their layout to ours: kernels [out, in, h, w] to [h, w, in, out], transposed ones so too.

        A transposed kernel is [in, out, h, w] there and [h, w, out, in] here: the axes swap alike.
        """
        if values.ndim == 2:
            return values.T
        if values.ndim != 4:
            return values
        values = values.transpose(2, 3, 1, 0)
        return np.roll(values, values.shape[-1] // 2, axis=-1) if self.skip_first else values

    def to_theirs(self, values: NDArray[Any]) -> NDArray[Any]:
        """The inverse."""
        if values.ndim == 2:
            return values.T
        if values.ndim != 4:
            return values
        if self.skip_first:
            values = np.roll(values, values.shape[-1] // 2, axis=-1)
        return values.transpose(3, 2, 0, 1)

    @property
    def their_shape(self) -> tuple[int, ...]:
        """Its shape in their file."""
        shape = tuple(self.variable.shape)
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(len(shape), range(len(shape)))
        return tuple(shape[axis] for axis in order)


def unet_weights(network: UNet) -> list[Weight]:
    """G1 or G2 as their ``UnetGenerator``, whose blocks lie within each other.

    Block 0 is [down, block 1, ReLU, up, tanh], the others [leaky ReLU, down, norm, next block,
    ReLU, up, norm, attention], the innermost without norm and next block.
    """
    innermost = len(network.down) - 1
    found = list(_convolution("model.model.0", network.down[0].convolution))
    found += _convolution("model.model.3", network.to_rgb, skip_first=True)
    prefix = "model.model.1.model"
    for level in range(1, innermost + 1):
        down, up = network.down[level], network.up[innermost - level]
        positions = ("3", "4", "") if level == innermost else ("5", "6", "7")
        convolution, norm, attention = (f"{prefix}.{position}" for position in positions)
        found += _convolution(f"{prefix}.1", down.convolution)
        if down.norm:
            found += _norm(f"{prefix}.2", down.norm)
        found += _convolution(convolution, up.convolution, skip_first=level < innermost)
        found += _norm(norm, up.norm)
        if up.attention:
            found += _attention(attention, up.attention)
        prefix += ".3.model"
    return found


def discriminator_weights(network: PatchGAN) -> list[Weight]:
    """D as their ``NLayerDiscriminator``: one list of layers, activations counted."""
    found: list[Weight] = []
    position = 0
    for block in network.blocks:
        found += _convolution(f"model.{position}", block.convolution)
        position += 1
        if block.norm:
            found += _norm(f"model.{position}", block.norm)
            position += 1
        if block.attention:
            found += _attention(f"model.{position}", block.attention)
            position += 1
        position += 1  # the leaky ReLU
    return [*found, *_convolution(f"model.{position}", network.to_logits)]


def classifier_weights(network: Classifier) -> list[Weight]:
    """C as their ``Classifier``: torchvision's resnet50 under the name ``model``."""
    found = list(_unit("model.conv1", "model.bn1", network.stem))
    blocks = iter(network.stages)
    for stage, count in enumerate(network.config.blocks, start=1):
        for index in range(count):
            block, prefix = next(blocks), f"model.layer{stage}.{index}"
            branch = (block.reduce, block.spatial, block.expand)
            for position, part in enumerate(branch, start=1):
                found += _unit(f"{prefix}.conv{position}", f"{prefix}.bn{position}", part)
            if block.shortcut:
                found += _unit(f"{prefix}.downsample.0", f"{prefix}.downsample.1", block.shortcut)
    return [
        *found,
        Weight("model.fc.weight", network.to_logits.kernel),
        Weight("model.fc.bias", network.to_logits.bias),
    ]


def _unit(convolution: str, norm: str, layer: ConvNorm) -> Iterator[Weight]:
    yield from _convolution(convolution, layer.convolution)
    yield from _norm(norm, layer.norm)


def _convolution(name: str, layer: keras.layers.Layer, skip_first: bool = False) -> list[Weight]:
    found = [Weight(f"{name}.weight", layer.kernel, skip_first)]
    return [*found, Weight(f"{name}.bias", layer.bias)] if layer.use_bias else found


def _norm(name: str, layer: BatchNorm) -> list[Weight]:
    return [
        Weight(f"{name}.weight", layer.gamma),
        Weight(f"{name}.bias", layer.beta),
        Weight(f"{name}.running_mean", layer.moving_mean),
        Weight(f"{name}.running_var", layer.moving_variance),
    ]


def _attention(name: str, layer: ReferenceAttention) -> Iterator[Weight]:
    yield from _convolution(f"{name}.query_conv", layer.query)
    yield from _convolution(f"{name}.key_conv", layer.key)
    yield from _convolution(f"{name}.value_conv", layer.value)


def load_state(state: StateDict, weights: Sequence[Weight], origin: Path) -> None:
    """Assign every weight, or none.

    Args:
        state: tensors by PyTorch name; ``num_batches_tracked`` is ignored.
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
    """Start C from torchvision's resnet50; without its last layer, whose labels differ.

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
