"""Does it listen? Measures that only the sound can move, not the label.

The label is an input, so a generator that is deaf to the sound can still draw the right instrument.
These figures compare images within a class, where the label is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cargan_tf.utils.arrays import FloatArray

#: (spectrograms [N, S, S, 1], labels [N, K]) to (coarse, refined), each [N, S, S, 3].
Draw = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class HeldOutPairs:
    """Pairs the networks were not trained on."""

    spectrograms: FloatArray  # [N, S, S, 1] in [-1, 1]
    labels: FloatArray  # [N, K] one-hot
    photos: FloatArray  # [N, S, S, 3] in [-1, 1]
    players: tuple[str, ...]  # empty where the data names none

    @property
    def classes(self) -> NDArray[np.int64]:
        """The label of each pair as a number, [N]."""
        return np.argmax(self.labels, axis=1)


@dataclass(frozen=True)
class ConditioningMetrics:
    """What was measured; ``None`` where the data does not allow it."""

    pairs: int
    retrieval: float  # R@1 of the real photo from the generated image, within the class
    retrieval_chance: float
    player_match: float | None  # nearest real photo of the class shows the player who is heard
    player_match_chance: float | None
    sound_sensitivity: float  # mean |change| of the image when sounds are permuted in the class
    label_sensitivity: float  # the same when labels are permuted
    coarse_l1: float
    refined_l1: float
    class_mean_l1: float  # of the class's mean training photo: the floor of a deaf generator

    def to_json(self) -> dict[str, float | int | None]:
        """As a flat mapping."""
        return asdict(self)


def measure_conditioning(
    draw: Draw, held_out: HeldOutPairs, class_means: FloatArray, seed: int
) -> ConditioningMetrics:
    """Draw every held-out sound three ways and compare.

    Args:
        draw: the networks in inference mode.
        held_out: what to draw, and the real photos.
        class_means: mean training photo of each class, [K, S, S, 3].
        seed: of the permutations.
    """
    random = np.random.default_rng(seed)
    classes, photos = held_out.classes, held_out.photos
    coarse, refined = draw(held_out.spectrograms, held_out.labels)
    other_sound = permute_within_class(classes, random)
    _, with_other_sound = draw(held_out.spectrograms[other_sound], held_out.labels)
    _, with_other_label = draw(held_out.spectrograms, shifted_labels(held_out.labels, random))
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
    """For each image the index of the photo of its class that is nearest in mean |difference|."""
    return np.asarray([order[0] for order in rank_in_class(images, photos, classes)], np.int64)


def rank_in_class(
    images: FloatArray, photos: FloatArray, classes: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """For each image the indices of its class's photos, nearest in mean |difference| first.

    Of photos equally near, the one that stands first in the arrays comes first.
    """
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
    """An order of all indices in which each stands at another one of its class, if there is one."""
    order = np.arange(len(classes))
    for label in np.unique(classes):
        members = random.permutation(np.flatnonzero(classes == label))
        order[members] = np.roll(members, 1)
    return order


def shifted_labels(labels: FloatArray, random: np.random.Generator) -> FloatArray:
    """One-hot labels [N, K] in which each class has become another, if there is one."""
    return np.roll(labels, int(random.integers(1, max(2, labels.shape[1]))), axis=1)


def mean_distance(first: FloatArray, second: FloatArray) -> float:
    """Mean |difference| over all images, in units of [-1, 1]."""
    return float(np.mean(np.abs(first - second), dtype=np.float64))


def _chances(
    classes: NDArray[np.int64], players: Sequence[str], nearest: NDArray[np.int64]
) -> tuple[float, float | None, float | None]:
    """R@1 by chance, player match, and player match by chance."""
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


def describe_conditioning(figures: ConditioningMetrics) -> str:
    """The figures in one line."""
    parts = [
        f"L1 coarse {figures.coarse_l1:.3f}, refined {figures.refined_l1:.3f}"
        f" (class mean {figures.class_mean_l1:.3f})",
        f"R@1 {figures.retrieval:.3f} (chance {figures.retrieval_chance:.3f})",
        f"moved by sound {figures.sound_sensitivity:.3f}, by label {figures.label_sensitivity:.3f}",
    ]
    if figures.player_match is not None:
        parts.insert(
            2,
            f"player match {figures.player_match:.2f} (chance {figures.player_match_chance:.2f})",
        )
    return "; ".join(parts)
