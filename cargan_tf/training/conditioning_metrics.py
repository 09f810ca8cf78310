"""Conditioning metrics: does the image follow the audio?

The label is an input, so a model can render the right instrument while ignoring the audio. These
metrics compare images within a class, where the label is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cargan_tf.utils.arrays import FloatArray, IntArray

#: (spectrograms [N, S, S, 1], labels [N, K], players [N]) to (coarse, refined), [N, S, S, 3] each.
Generate = Callable[[FloatArray, FloatArray, IntArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class HeldOutPairs:
    """Pairs that were not trained on."""

    spectrograms: FloatArray  # [N, S, S, 1] in [-1, 1]
    labels: FloatArray  # [N, K] one-hot
    photos: FloatArray  # [N, S, S, 3] in [-1, 1]
    players: tuple[str, ...]  # empty if the data names none
    player_indices: IntArray  # [N], each one's among those of the label; -1 if not known

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class index of each pair, [N]."""
        return np.argmax(self.labels, axis=1)


@dataclass(frozen=True)
class ConditioningMetrics:
    """Metrics on N held-out pairs; ``None`` where the data does not allow them."""

    pairs: int
    retrieval: float  # R@1: the nearest photo of the class is the pair's own
    retrieval_chance: float
    player_match: float | None  # the nearest photo of the class shows the right player
    player_match_chance: float | None
    sound_sensitivity: float  # mean |change| of the image when sounds are shuffled in the class
    label_sensitivity: float  # the same when labels are shuffled
    coarse_l1: float
    refined_l1: float
    class_mean_l1: float  # of the class's mean training photo

    def to_json(self) -> dict[str, float | int | None]:
        """As a flat mapping."""
        return asdict(self)


def measure_conditioning(
    generate: Generate, held_out: HeldOutPairs, class_means: FloatArray, seed: int
) -> ConditioningMetrics:
    """Generate images for each held-out pair as it is, with another sound, and with another label.

    Args:
        generate: the network in inference mode.
        held_out: the pairs.
        class_means: mean training photo of each class, [K, S, S, 3].
        seed: of the permutations.
    """
    random = np.random.default_rng(seed)
    classes, photos = held_out.classes, held_out.photos
    players = held_out.player_indices
    coarse, refined = generate(held_out.spectrograms, held_out.labels, players)
    other_sound = permute_within_class(classes, random)
    _, with_other_sound = generate(held_out.spectrograms[other_sound], held_out.labels, players)
    other_labels = shifted_labels(held_out.labels, random)
    _, with_other_label = generate(held_out.spectrograms, other_labels, players)
    nearest = nearest_in_class(refined, photos, classes)
    chance, player_match, player_chance = _chances(classes, held_out.players, nearest)
    return ConditioningMetrics(
        pairs=len(classes),
        retrieval=float(np.mean(nearest == np.arange(len(classes)))),
        retrieval_chance=chance,
        player_match=player_match,
        player_match_chance=player_chance,
        sound_sensitivity=mean_distance(refined, with_other_sound),
        label_sensitivity=mean_distance(refined, with_other_label),
        coarse_l1=mean_distance(coarse, photos),
        refined_l1=mean_distance(refined, photos),
        class_mean_l1=mean_distance(class_means[classes], photos),
    )


def nearest_in_class(
    images: FloatArray, photos: FloatArray, classes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each image the index of the photo of its class with the smallest mean |difference|."""
    return np.asarray([order[0] for order in rank_in_class(images, photos, classes)], np.int64)


def rank_in_class(
    images: FloatArray, photos: FloatArray, classes: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """For each image the indices of its class's photos by mean |difference|, ties in array
    order."""
    order: dict[int, NDArray[np.int64]] = {}
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        candidates = photos[members]
        for index in members:
            distances = np.abs(candidates - images[index]).mean(axis=(1, 2, 3))
            order[int(index)] = members[np.argsort(distances, kind="stable")]
    return [order[index] for index in range(len(classes))]


def permute_within_class(
    classes: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """A permutation that maps each index to another of its class, if there is one."""
    order = np.arange(len(classes))
    for label in np.unique(classes):
        members = random.permutation(np.flatnonzero(classes == label))
        order[members] = np.roll(members, 1)
    return order


def shifted_labels(labels: FloatArray, random: np.random.Generator) -> FloatArray:
    """One-hot labels [N, K] with each class replaced by another, if there is one."""
    return np.roll(labels, int(random.integers(1, max(2, labels.shape[1]))), axis=1)


def mean_distance(first: FloatArray, second: FloatArray) -> float:
    """Mean |difference| over all images, in units of [-1, 1]."""
    return float(np.mean(np.abs(first - second), dtype=np.float64))


def _chances(
    classes: NDArray[np.int64], players: Sequence[str], nearest: NDArray[np.int64]
) -> tuple[float, float | None, float | None]:
    """R@1 at chance, player match, and player match at chance."""
    counts = np.bincount(classes)
    chance = float(np.mean(1.0 / counts[classes]))
    if not players or not all(players):
        return chance, None, None
    names = np.asarray(players)
    match = float(np.mean(names[nearest] == names))
    same = [
        np.mean(names[classes == label] == name) for label, name in zip(classes, names, strict=True)
    ]
    return chance, match, float(np.mean(same))


def describe_conditioning(metrics: ConditioningMetrics) -> str:
    """The metrics in one line."""
    parts = [
        f"L1 coarse {metrics.coarse_l1:.3f}, refined {metrics.refined_l1:.3f}"
        f" (class mean {metrics.class_mean_l1:.3f})",
        f"R@1 {metrics.retrieval:.3f} (chance {metrics.retrieval_chance:.3f})",
        f"sensitivity to sound {metrics.sound_sensitivity:.3f},"
        f" to label {metrics.label_sensitivity:.3f}",
    ]
    if metrics.player_match is not None:
        parts.insert(
            2,
            f"player match {metrics.player_match:.2f} (chance {metrics.player_match_chance:.2f})",
        )
    return "; ".join(parts)
